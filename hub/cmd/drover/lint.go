package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/internal/shown"
)

// How bad a finding is.
const (
	severityError  = "error"  // something is not delivered as it is
	severityNote   = "note"   // something is asked for and not done
	severityUnused = "unused" // something is there and nobody asks for it
)

// finding is one thing that lint found, in as many clusters as have it.
type finding struct {
	Severity string   `json:"severity"`
	File     string   `json:"file,omitempty"` // repository path
	Line     int      `json:"line,omitempty"` // 1-based
	Object   string   `json:"object,omitempty"`
	Field    string   `json:"field,omitempty"`
	Text     string   `json:"text"`
	App      string   `json:"app,omitempty"`
	Clusters []string `json:"clusters,omitempty"`
}

func (f finding) String() string {
	text := fleet.Note{File: f.File, Line: f.Line, Object: f.Object, Field: f.Field, Text: f.Text}.String()
	if len(f.Clusters) > 0 {
		text += " [" + some(f.Clusters) + "]"
	}
	return fmt.Sprintf("%-6s %s", f.Severity, text)
}

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
	f.StringVarP(&o.output, "output", "o", lintText, "text, json, sarif (for code scanning) or github (annotations of a pull request)")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "a line for each finding; otherwise equal ones are one line with a count")
	return cmd
}

func (o *lintOptions) run(ctx context.Context, w, stderr io.Writer) error {
	if !slices.Contains([]string{lintText, lintJSON, lintSARIF, lintGitHub}, o.output) {
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
	found := &findings{at: map[string]int{}, shown: shown.New()}
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
		found.text("", "", p)
	}
	read := map[string]bool{}
	for _, place := range apps.Places() {
		read[place] = true
	}
	for i, site := range sites {
		if site.Wrong != "" {
			found.text("", "", site.Wrong)
			continue
		}
		res := all[i]
		found.resolution(res)
		for _, place := range res.Places() {
			read[place] = true
		}
	}
	if o.cluster == "" {
		for _, n := range apps.Untaken(ctx, from.r, from.snap) {
			found.note(severityNote, "", "", n)
		}
	}
	if o.cluster == "" && !found.wrong() {
		notes, err := layout.Unused(from.snap, func(path string) bool { return read[path] })
		if err != nil {
			return err
		}
		for _, n := range notes {
			found.note(severityUnused, "", "", n)
		}
	}
	found.show()
	if err := found.print(w, o.output, o.verbose); err != nil {
		return err
	}
	if o.output == lintText {
		fmt.Fprintf(stderr, "drover: %s in %d %s\n", found.count(), len(sites), plural(len(sites), "cluster"))
	}
	if found.wrong() {
		return errBadNews
	}
	return nil
}

// findings gathers what was found, each thing once.
type findings struct {
	all   []finding
	at    map[string]int // in all, by everything but the clusters
	shown *shown.Names
}

// show replaces the keys of apps by the names that people are shown, when all clusters are known.
func (f *findings) show() {
	for i := range f.all {
		x := &f.all[i]
		x.App, x.Object, x.Text = f.shown.Name(x.App), f.shown.Text(x.Object), f.shown.Text(x.Text)
	}
}

func (f *findings) wrong() bool {
	return slices.ContainsFunc(f.all, func(x finding) bool { return x.Severity == severityError })
}

// count says how many things were found, by how bad they are.
func (f *findings) count() string {
	n := map[string]int{}
	for _, x := range f.all {
		n[x.Severity]++
	}
	return fmt.Sprintf("%d %s, %d %s and %d unused", n[severityError], plural(n[severityError], severityError), n[severityNote], plural(n[severityNote], severityNote),
		n[severityUnused])
}

func (f *findings) resolution(res resolve.Resolution) {
	learn(f.shown, res)
	for _, p := range res.Cluster.Problems {
		f.text(res.Cluster.Name, "", p)
	}
	for _, n := range res.Cluster.Notes {
		f.note(severityNote, res.Cluster.Name, "", n)
	}
	for _, a := range res.Apps {
		if a.Err != "" {
			f.text(res.Cluster.Name, a.App.Name, a.Err)
		}
		for _, n := range a.App.Notes {
			f.note(severityNote, res.Cluster.Name, a.App.Name, n)
		}
	}
}

// placed matches a message that begins with the file it is about.
var placed = regexp.MustCompile(`^([^ :]+/[^ :]+?)(?::(\d+))?: (.*)$`)

// text adds an error that is a line of text.
func (f *findings) text(cluster, app, text string) {
	n := fleet.Note{Text: text}
	if m := placed.FindStringSubmatch(text); m != nil {
		n.File, n.Text = m[1], m[3]
		n.Line, _ = strconv.Atoi(m[2]) // "" is no line
	}
	f.note(severityError, cluster, app, n)
}

func (f *findings) note(severity, cluster, app string, n fleet.Note) {
	x := finding{Severity: severity, File: n.File, Line: n.Line, Object: n.Object, Field: n.Field, Text: n.Text, App: app}
	key := x.String() + "\x00" + app
	i, known := f.at[key]
	if !known {
		i = len(f.all)
		f.all, f.at[key] = append(f.all, x), i
	}
	at := &f.all[i].Clusters // clusters come one after the other
	if n := len(*at); cluster != "" && (n == 0 || (*at)[n-1] != cluster) {
		*at = append(*at, cluster)
	}
}
