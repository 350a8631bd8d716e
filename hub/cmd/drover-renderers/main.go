// Command drover-renderers starts renderer plugins for drover, which starts it when a folder is rendered by one and
// ends
// it afterwards. Nobody starts it by hand.
//
// It is a program of its own because it speaks gRPC with plugins, which drover does not link, and because it takes
// rights
// from itself that a hub needs.
package main

import (
	"os"

	"github.com/drover-dev/drover/hub/renderers/host"
)

func main() { os.Exit(host.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
