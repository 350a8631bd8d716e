package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/findings"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// lintOptions are the flags of `drover lint`.
type lintOptions struct {
	tree.Options
	cluster, output string
	verbose         bool
}

func newLintCommand() *cobra.Command {
	var o lintOptions
	cmd := &cobra.Command{
		Use: "lint", Short: "Check a repository: errors, unsupported fields, unused files",
		Long: `Resolves every cluster of a repository on this machine, exactly as the hub does, and reports

  error   keeps an app from being delivered as it is in Git
  note    a field that Drover does not support; the app is delivered without it
  unused  overlays and folders with manifests that no cluster reads (not looked for while there are errors, or with --cluster)

The exit code is 1 if there are errors. The counts are printed on standard error. Findings with the same text are one
line with a count, and of each severity the first 15 lines are printed; --verbose, -o json, sarif and github have all.`,
		Example: `  drover lint
  drover lint --repo ~/src/fleet --revision feature/new-base --cluster staging
  drover lint -o github   # in a workflow: annotates the lines of the pull request
  drover lint -o json | jq -r '.[] | select(.severity == "note") | .field' | sort | uniq -c`,
		Args: exactly(0, "no arguments; name a cluster with --cluster"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	o.AddTo(f)
	f.StringVar(&o.cluster, "cluster", "", "only this cluster")
	f.StringVarP(&o.output, "output", "o", findings.Text, "text, json, sarif (for code scanning) or github (annotations of a pull request)")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "a line for each finding; otherwise equal ones are one line with a count")
	return cmd
}

func (o *lintOptions) run(ctx context.Context, w, stderr io.Writer) error {
	if !slices.Contains([]string{findings.Text, findings.JSON, findings.SARIF, findings.GitHub}, o.output) {
		return usageError{fmt.Errorf("-o %s: use text, json, sarif or github", o.output)}
	}
	from, err := o.Open(ctx, stderr)
	if err != nil {
		return err
	}
	defer from.Close()
	listed, err := from.Resolver.Clusters(from.Snap)
	if err != nil {
		return err
	}
	sites, problems := listed.Sites.Sites, listed.Problems()
	found := findings.New()
	if o.cluster != "" {
		site, err := tree.Among(listed, o.cluster, o.Revision)
		if err != nil {
			return err
		}
		sites, problems = []model.Site{site}, nil
	}
	apps, all, err := from.Settled(ctx, sites, nil)
	if err != nil {
		return err
	}
	for _, p := range append(problems, apps.Problems()...) {
		found.Text("", "", p)
	}
	read := map[string]bool{}
	for _, place := range apps.Places() {
		read[place] = true
	}
	for i, site := range sites {
		if site.Wrong != "" {
			found.Text("", "", site.Wrong)
			continue
		}
		res := all[i]
		found.Resolution(res)
		for _, place := range res.Places() {
			read[place] = true
		}
	}
	for _, n := range apps.Untaken(ctx, from.Resolver, from.Snap) { // with --cluster, too: it may be the one that is meant
		found.Note(findings.Note, "", "", n)
	}
	if o.cluster == "" {
		lintPolicies(found, from, apps, all)
	}
	if o.cluster == "" && !found.Wrong() {
		notes, err := layout.Unused(from.Snap, func(path string) bool { return read[path] })
		if err != nil {
			return err
		}
		for _, n := range notes {
			found.Note(findings.Unused, "", "", n)
		}
	}
	found.Show()
	if err := found.Print(w, o.output, o.verbose); err != nil {
		return err
	}
	if o.output == findings.Text {
		fmt.Fprintf(stderr, "drover: %s in %d %s\n", found.Count(), len(sites), show.Plural(len(sites), "cluster"))
	}
	if found.Wrong() {
		return errBadNews
	}
	return nil
}

// lintPolicies holds policies of rollouts against the clusters that were resolved.
func lintPolicies(found *findings.List, from *tree.Opened, apps *resolve.Fleet, all []resolve.Resolution) {
	var clusters []model.Cluster
	for _, res := range all {
		clusters = append(clusters, res.Cluster)
	}
	wrong, notes := (&layout.Layout{}).LintPolicies(from.Snap, apps.Declared(), clusters)
	badly, aside := layout.LintAccess(from.Snap, apps.Declared(), clusters)
	for _, n := range append(wrong, badly...) {
		found.Note(findings.Error, "", "", n)
	}
	for _, n := range append(notes, aside...) {
		found.Note(findings.Note, "", "", n)
	}
}
