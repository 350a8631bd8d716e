package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// sayVersion is the command version. It returns the exit code.
func sayVersion(args []string, stdout, stderr io.Writer) int {
	set := flag.NewFlagSet("drover-agent version", flag.ContinueOnError)
	set.SetOutput(stderr)
	output := set.String("o", "text", "text or json")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case set.NArg() > 0:
		_, _ = fmt.Fprintf(stderr, "drover-agent version: unknown argument %q: it takes none\n", set.Arg(0))
		return 2
	}
	if err := version.Read("drover-agent", protocol.Version).Write(stdout, *output); err != nil {
		_, _ = fmt.Fprintln(stderr, "drover-agent version:", err)
		return 2
	}
	return 0
}
