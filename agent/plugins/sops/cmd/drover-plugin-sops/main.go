// Command drover-plugin-sops is the plugin of drover-agent that decrypts objects that are encrypted with SOPS.
// The plugin host (drover-plugins) starts it; it does nothing by itself.
package main

import (
	"github.com/drover-dev/drover/agent/plugins/sops"
	"github.com/drover-dev/drover/protocol/plugin"
)

func main() { plugin.Serve(sops.Plugin{}) }
