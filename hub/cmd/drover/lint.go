package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/findings"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
)

// lintOptions are the flags of `drover lint`.
type lintOptions struct {
	treeOptions
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
	o.addTo(f)
	f.StringVar(&o.cluster, "cluster", "", "only this cluster")
	f.StringVarP(&o.output, "output", "o", findings.Text, "text, json, sarif (for code scanning) or github (annotations of a pull request)")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "a line for each finding; otherwise equal ones are one line with a count")
	return cmd
}

func (o *lintOptions) run(ctx context.Context, w, stderr io.Writer) error {
	if !slices.Contains([]string{findings.Text, findings.JSON, findings.SARIF, findings.GitHub}, o.output) {
		return usageError{fmt.Errorf("-o %s: use text, json, sarif or github", o.output)}
	}
	from, err := o.open(ctx, stderr)
	if err != nil {
		return err
	}
	defer from.done()
	listed, err := from.r.Clusters(from.snap)
	if err != nil {
		return err
	}
	sites, problems := listed.Sites.Sites, listed.Problems()
	found := findings.New()
	if o.cluster != "" {
		site, err := among(listed, o.cluster, o.revision)
		if err != nil {
			return err
		}
		sites, problems = []model.Site{site}, nil
	}
	apps, all, err := from.settled(ctx, sites)
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
	if o.cluster == "" {
		for _, n := range apps.Untaken(ctx, from.r, from.snap) {
			found.Note(findings.Note, "", "", n)
		}
		var clusters []model.Cluster
		for _, res := range all {
			clusters = append(clusters, res.Cluster)
		}
		for _, n := range layout.LintPolicies(from.snap, apps.Declared(), clusters) {
			found.Note(findings.Error, "", "", n)
		}
	}
	if o.cluster == "" && !found.Wrong() {
		notes, err := layout.Unused(from.snap, func(path string) bool { return read[path] })
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
