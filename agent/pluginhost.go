package agent

import "context"

// PluginHost runs plugins: programs that change objects before they are applied (protocol/plugin has their contract).
type PluginHost interface {
	// Transform has a plugin change an object, which is JSON, with the help of a Secret's data. What an error says may be
	// shown.
	Transform(ctx context.Context, plugin string, object []byte, secrets map[string][]byte) ([]byte, error)
}
