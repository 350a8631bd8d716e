// Command drover-plugin-command is a renderer plugin that runs the commands of a ConfigManagementPlugin which the
// operator
// of the hub configured. drover-renderers starts it; nobody starts it by hand.
package main

import (
	"github.com/drover-dev/drover/hub/renderers/command"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol/plugin"
)

func main() { plugin.ServeRenderer(command.Renderer{Version: version.String()}) }
