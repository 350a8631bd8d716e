// Package diff is `drover diff`: what a revision would change in the clusters of a fleet, from the repository alone.
//
// It may import hub/difference, hub/candidate, hub/resolve and what the command line shares.
package diff

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
)

// The exit codes, beside that of wrong usage: those of `kubectl diff`.
const (
	exitDifferent = 1
	exitError     = 3
)

// exit ends the command with a code. text is said on standard error; nothing is if it is "".
type exit struct {
	code int
	text string
}

// Error implements error.
func (e exit) Error() string { return e.text }

// ExitCode is the code with which the program ends.
func (e exit) ExitCode() int { return e.code }

// The formats.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatYAML     = "yaml"
	formatMarkdown = "markdown"
)

// options are the flags.
type options struct {
	tree.Options
	base, head, selector, app, output string
	clusters                          []string
	full, verbose                     bool
	chosen                            selector.Selector
}

// New makes `drover diff`. wrong marks an error about how it was called.
func New(wrong func(error) error) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: "diff", Short: "Show what a branch would change in the clusters, without a hub",
		Long: `Renders two revisions of a repository on this machine, exactly as the hub does, and prints what differs in what
clusters would get: a change that many clusters have is printed once, with their number. What is the same in both
revisions is rendered once, and clusters that depend on nothing that changed are not compared.

Without --base, the revision is compared with the newest commit that it has in common with the branch that a pull
request would go to: the one that the CI of a forge names (GITHUB_BASE_REF, CI_MERGE_REQUEST_TARGET_BRANCH_NAME,
BITBUCKET_PR_DESTINATION_BRANCH, CHANGE_TARGET), else the first there is of origin/HEAD, origin/main, origin/master,
main, master. Without --head, the files of the work tree are compared as they are on disk, but for those that Git
ignores.

Deletions that the deletion budget would hold, and policies that would release the change in waves, are named. Data of
Secrets and encrypted values are never printed, only which keys differ. An app that does not render at --head is an
error, and none of its objects counts as deleted.

Exit codes, as those of kubectl diff:

  0  no difference
  1  a difference
  2  the command was used wrongly
  3  an error: a revision cannot be read, or something in it does not render at --head

Sources beside the repository are fetched once, as drover render does it, and are the same for both revisions.`,
		Example: `  drover diff                                  # the work tree, compared with where the branch left main
  drover diff --base main --head feature/new-base
  drover diff -l env=production --app payment-service --full
  drover diff -o markdown > comment.md         # for a comment on a pull request: at most 60,000 characters
  drover diff -o json | jq -r '.groups[] | select(.action == "removed") | .clusters[]'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return wrong(fmt.Errorf("it takes no arguments; choose clusters with --cluster or -l"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return wrong(err)
			}
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.base, "base", "", "branch, tag or commit to compare with (default: where the revision left the "+
		"branch that a pull request would go to, see above)")
	f.StringVar(&o.head, "head", tree.WorkingTree, "branch, tag or commit that is compared (default: the work tree)")
	o.AddReading(f)
	f.StringSliceVar(&o.clusters, "cluster", nil, "only these clusters (may be repeated)")
	f.StringVarP(&o.selector, "selector", "l", "", "only clusters with these labels, as env=production,region!=us")
	f.StringVar(&o.app, "app", "", "only this app: its name, namespace/name, or kind/namespace/name where that is not "+
		"enough")
	f.StringVarP(&o.output, "output", "o", formatText, "text, json, yaml or markdown")
	f.BoolVar(&o.full, "full", false, "all lines that differ, as YAML, of one cluster for each change; in text and "+
		"markdown")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "text: all clusters, changes and fields, instead of the first ones")
	return cmd
}

// check says what is wrong with the flags.
func (o *options) check() (err error) {
	if !slices.Contains([]string{formatText, formatJSON, formatYAML, formatMarkdown}, o.output) {
		return fmt.Errorf("-o %s: use text, json, yaml or markdown", o.output)
	}
	if o.chosen, err = selector.Parse(o.selector); err != nil {
		return fmt.Errorf("-l: %w", err)
	}
	return nil
}

func (o *options) run(ctx context.Context, stdout, stderr io.Writer) error {
	report, err := o.report(ctx, stderr)
	if err != nil {
		if usage, is := err.(tree.Usage); is {
			return usage
		}
		return exit{exitError, err.Error()}
	}
	if err := o.print(stdout, report); err != nil {
		return exit{exitError, err.Error()}
	}
	switch {
	case len(report.Errors) > 0:
		return exit{exitError, fmt.Sprintf("%s at the revision that is compared", plural(len(report.Errors), "error"))}
	case len(report.Groups) > 0:
		return exit{code: exitDifferent}
	}
	return nil
}
