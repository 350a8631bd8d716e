package main

import "github.com/spf13/cobra"

func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "cluster", Short: "Manage clusters",
		Args: exactly(0, "a command: see `drover cluster --help`"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newRevokeCommand(), newRotateCommand())
	return cmd
}
