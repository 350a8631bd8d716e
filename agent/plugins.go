package agent

import (
	"context"
)

// Plugins are programs that change objects before they are applied.
type Plugins interface {
	// Transform has a plugin change an object, which is JSON, with the help of a Secret's data. What an error says may be shown.
	Transform(ctx context.Context, plugin string, object []byte, secrets map[string][]byte) ([]byte, error)
}
