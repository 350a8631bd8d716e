package live

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/protocol"
)

// The exit codes of a diff, beside that of wrong usage.
const (
	exitDifferent = 1
	exitError     = 3
)

// exit ends the command with a code. Nothing is said if text is "".
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

// ExitCode is the code with which the program ends.
func (e exit) ExitCode() int { return e.code }

// Diff shows what applying the desired state would change now in CLUSTER or CLUSTER/APP. output is text or json.
func (m Command) Diff(cmd *cobra.Command, conn call.Connection, target, output string) error {
	if err := m.output(output, "text", "json"); err != nil {
		return err
	}
	cluster, path := place(target)
	var all []protocol.ObjectDiff
	q := api.Question{Kind: protocol.QuestionDiff, Path: path}
	out := cmd.OutOrStdout()
	differ, failed, same := 0, 0, 0
	take := func(d protocol.ObjectDiff) error {
		if d.Change == protocol.DiffSame {
			same += d.Same
			return nil
		}
		if differ++; d.Change == protocol.DiffFailed {
			differ, failed = differ-1, failed+1
		}
		if all = append(all, d); output == "text" {
			printDiff(out, d)
		}
		return nil
	}
	if err := askLines(m, cmd, conn, cluster, q, take); err != nil {
		return exit{exitError, err.Error()}
	}
	if output == "json" {
		if err := printJSON(out, all); err != nil {
			return err
		}
	} else {
		show.Sayf(out, "%d %s as desired, %d %s", same, show.Plural(same, "object"), differ, verb(differ))
	}
	switch {
	case failed > 0:
		return exit{exitError, fmt.Sprintf("%d %s could not be compared", failed, show.Plural(failed, "object"))}
	case differ > 0:
		return exit{code: exitDifferent}
	}
	return nil
}

func verb(n int) string {
	if n == 1 {
		return "differs"
	}
	return "differ"
}

// signs begin the line of an object, as in a unified diff.
var signs = map[string]string{protocol.DiffCreate: "+", protocol.DiffDelete: "-", protocol.DiffChange: "~",
	protocol.DiffFailed: "!"}

func printDiff(w io.Writer, d protocol.ObjectDiff) {
	sign := signs[d.Change]
	if sign == "" {
		sign = "?"
	}
	text := fmt.Sprintf("%s %s (%s)", sign, refName(d.Object), d.App)
	if d.Object.Kind == "" {
		text = sign + " " + d.App
	}
	if d.Message != "" {
		text += ": " + d.Message
	}
	show.Sayf(w, "%s", text)
	for _, f := range d.Fields {
		show.Sayf(w, "    %s: %s -> %s", f.Path, value(f.Live), value(f.Desired))
	}
	if d.More > 0 {
		show.Sayf(w, "    and %d more %s", d.More, show.Plural(d.More, "field"))
	}
}

// value is a value of a field that people see.
func value(data []byte) string {
	if len(data) == 0 {
		return "(none)"
	}
	return string(data)
}

// DiffCommand is `drover diff` where there is no other.
func (m Command) DiffCommand() *cobra.Command {
	var output string
	conn := m.Connection()
	cmd := &cobra.Command{
		Use: "diff CLUSTER[/APP]", Short: "Show what applying the desired state would change in a cluster now",
		Long: `Asks the agent of a cluster to compare what Git asks for with what is there. The agent has the API server
dry-run an apply of each object, so that defaults and admission webhooks count; nothing is changed. Values of
Secrets are masked in the cluster.

Exit codes, as those of kubectl diff: 0 no difference, 1 a difference, 2 wrong usage, 3 it is not known.`,
		Example: `  drover diff staging
  drover diff staging/shop -o json`,
		Args: m.args(1, "one argument: CLUSTER or CLUSTER/APP"),
		RunE: func(cmd *cobra.Command, args []string) error { return m.Diff(cmd, conn, args[0], output) },
	}
	conn.Flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// Join has `drover diff`, which compares revisions of a repository, compare a live cluster where one is named.
func (m Command) Join(diff *cobra.Command) *cobra.Command {
	conn := m.Connection()
	live := m.DiffCommand()
	revisions, check, ofRevisions := diff.RunE, diff.Args, namesOf(diff)
	diff.Use = "diff [CLUSTER[/APP]]"
	diff.Short = "Show what a branch would change in the clusters, or what differs in a live one"
	diff.Long += "\n\nWith CLUSTER or CLUSTER/APP nothing of this applies but -o text and json, and its flags are refused.\n\n" + live.Long
	diff.Example += "\n" + live.Example
	diff.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return m.apart(cmd, ofRevisions)
		}
		return check(cmd, args)
	}
	diff.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return revisions(cmd, args)
		}
		output, err := cmd.Flags().GetString("output")
		if err != nil {
			return err
		}
		return m.Diff(cmd, conn, args[0], output)
	}
	conn.Flags(diff)
	return diff
}

// namesOf are the flags of a command.
func namesOf(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// apart refuses flags about revisions of a repository where a live cluster is asked: they would say nothing.
func (m Command) apart(cmd *cobra.Command, ofRevisions []string) error {
	var given []string
	for _, name := range ofRevisions {
		if name != "output" && cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	if len(given) == 0 {
		return nil
	}
	return m.Usage(fmt.Errorf("%s: this is for revisions of a repository, and CLUSTER asks a live cluster: leave out one "+
		"of them (clusters of revisions are chosen with --cluster)", strings.Join(given, ", ")))
}
