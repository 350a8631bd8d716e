package main

import (
	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func newVersionCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "version", Short: "Print the release, its commit and date, Go's version and the version of the wire protocol",
		Example: "  drover version\n  drover version -o json", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := version.Read("drover", protocol.Version).Write(cmd.OutOrStdout(), output); err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}
