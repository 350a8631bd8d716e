package main

import (
	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
)

// hubConnection is a connection for commands of other packages.
type hubConnection struct{ connection }

// Flags implements waves.Connection.
func (c *hubConnection) Flags(cmd *cobra.Command) { c.flags(cmd) }

// Client implements waves.Connection.
func (c *hubConnection) Client() (api.Client, error) { return c.client() }

func newRolloutCommand() *cobra.Command {
	return waves.New(func() waves.Connection { return &hubConnection{} }, func(err error) error { return usageError{err} })
}
