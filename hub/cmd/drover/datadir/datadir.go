// Package datadir is the commands about what a hub keeps in its data directory: `drover hub keys`, `drover hub backup`,
// `drover hub restore`, and `drover hub nats-config`, which writes files for NATS servers from the keys.
//
// It may import the packages beside it, hub/api, hub/backup, hub/bolt, packages of hub/nats, internal and protocol.
package datadir

import (
	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
)

// Config is what the commands are made with.
type Config struct {
	Connection func() call.Connection // makes what finds the hub, for one command
	Wrong      call.Wrong
	// DataDir is where a hub on this machine keeps it all, as long as no flag says otherwise.
	DataDir string
	// Running finds the hub that runs with a data directory.
	Running func(dataDir string) (api.Client, error)
}

// commands makes them.
type commands struct {
	connection func() call.Connection
	wrong      call.Wrong
	dir        string
	running    func(dataDir string) (api.Client, error)
}

// Commands makes the commands, which belong below `drover hub`.
func Commands(c Config) []*cobra.Command {
	m := commands{c.Connection, c.Wrong, c.DataDir, c.Running}
	return []*cobra.Command{m.natsConfig(), m.keys(), m.backup(), m.restore()}
}
