package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the release and the version of the wire protocol",
		Example: "  drover version", Args: exactly(0, "no arguments"),
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "drover %s (wire version %d, %s, %s/%s)\n", version.String(), protocol.Version,
				runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
