// Command drover is what people install: the hub, and the command line that asks it.
//
// Exit codes: 0 fine, 1 the answer is bad news or cannot be given, 2 the command was used wrongly. `drover diff` has
// codes of its own, see its help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/ask"
	"github.com/drover-dev/drover/hub/cmd/drover/auth"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/diff"
	"github.com/drover-dev/drover/hub/cmd/drover/keysworker"
	"github.com/drover-dev/drover/hub/cmd/drover/live"
	"github.com/drover-dev/drover/hub/cmd/drover/people"
	"github.com/drover-dev/drover/hub/cmd/drover/reference"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/cmd/drover/waves"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const exitFine, exitBad, exitUsage = 0, 1, 2 // the exit codes

// usageError is a mistake in how a command was called.
type usageError struct{ error }

// wrong makes one of an error of a command in another package.
var wrong call.Wrong = func(err error) error { return usageError{err} }

// errBadNews is an answer that was given in full and is not what one hopes for: nothing more is said.
var errBadNews = errors.New("bad news")

// run is the whole program, for tests too.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	stderr = show.Writer{W: stderr}
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var usage usageError
	var code interface{ ExitCode() int }
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errBadNews):
		return exitBad
	case errors.As(err, &code):
		if text := err.Error(); text != "" {
			fmt.Fprintf(stderr, "drover: %s\n", text)
		}
		return code.ExitCode()
	case errors.As(err, &usage), errors.As(err, new(tree.Usage)), strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(stderr, "drover: %v\nSee `%s --help`.\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(stderr, "drover: %v\n", err)
	return exitBad
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use: "drover", Short: "Run a fleet of Kubernetes clusters from one Git repository",
		Long: `Drover runs a fleet of Kubernetes clusters from one Git repository. A hub resolves the repository's
clusters/ tree into a signed bundle per cluster; a light agent in each cluster pulls its bundle, applies it, heals
drift the moment it happens, and reports back.`,
		Example: `  drover hub --repo https://git.example.com/platform/fleet.git
  drover cluster add staging --label env=staging
  drover agent install --cluster staging --context staging
  drover status
  drover render staging --repo . | less
  drover lint --repo .
  drover diff --base main`,
		SilenceUsage: true, SilenceErrors: true,
		Version: version.Read("drover", protocol.Version).Text(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return wrong(err) })
	root.AddCommand(ask.Commands(connect, wrong)...)
	root.AddCommand(append(people.Commands(connect, wrong), newHubCommand(), newStatusCommand(), newClusterCommand(),
		newApproveCommand(), waves.New(connect, wrong), waves.NewRollback(connect, wrong),
		auth.New(connect, wrong), newRenderCommand(),
		newLintCommand(), newImportCommand(), reference.Schema(wrong), newAgentCommand(), newVersionCommand(),
		reference.Command(),
		newKustomizeWorkerCommand(), keysworker.Command())...)
	asks := live.Command{Connection: connect, Usage: wrong}
	root.AddCommand(append(asks.Commands(), asks.Join(diff.New(wrong)))...)
	return root
}

// connect makes what finds the hub, for commands of other packages.
func connect() call.Connection { return new(connection).shared() }

// exactly is cobra.ExactArgs as a usage error that names what is missing.
func exactly(n int, what string) cobra.PositionalArgs { return wrong.Exactly(n, what) }
