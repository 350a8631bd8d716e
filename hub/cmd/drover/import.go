package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/cmd/drover/call"
	"github.com/drover-dev/drover/hub/cmd/drover/findings"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/layout/detect"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/internal/shown"
)

// importOptions are the flags of `drover import`.
type importOptions struct {
	tree.Options
	from, output string
}

func newImportCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use: "import [DIR]", Short: "Say how Drover would read a repository of Flux, Argo CD or Rancher Fleet",
		Long: `Looks at a repository on this machine that was written for Flux, Argo CD or Rancher Fleet, and says which --path and --alias
Drover takes for it, which credentials the hub will need, and what of it would be delivered to which cluster: apps, objects
by kind, and what is refused or noted, with the reason. It prints the commands to run next.

It changes nothing, and fetches nothing: charts and files from other places are counted by their addresses. With --path or
--alias it uses these in place of what it finds.`,
		Example: `  drover import
  drover import ~/src/fleet --from argocd
  drover import ~/src/fleet -o json | jq '.clusters[].apps[] | select(.error)'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{errors.New("it takes one folder, that of the repository")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Repo = args[0]
			}
			return o.run(cmd, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Revision, "revision", "HEAD", "branch, tag or commit; what is not committed is not seen")
	o.Repo = "."
	o.Layout.AddTo(f)
	f.StringVar(&o.from, "from", "", "the tool that it was written for: "+strings.Join(detect.Tools(), ", ")+
		" (default: the one of which there is most)")
	f.StringVarP(&o.output, "output", "o", findings.Text, "text or json")
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(detect.Tools(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *importOptions) run(cmd *cobra.Command, w io.Writer) error {
	switch {
	case o.output != findings.Text && o.output != findings.JSON:
		return usageError{fmt.Errorf("-o %s: use text or json", o.output)}
	case o.from != "" && !slices.Contains(detect.Tools(), o.from):
		return usageError{fmt.Errorf("--from %s: use %s", o.from, strings.Join(detect.Tools(), ", "))}
	}
	ctx := cmd.Context()
	snap, err := git.At(ctx, o.Repo, o.Revision)
	if err != nil {
		return err
	}
	known := git.Addresses(o.Repo)
	found, err := detect.Detect(snap, o.from, known)
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("path") {
		found.Paths = o.Path
	}
	if len(o.Alias) > 0 {
		found.Aliases = o.Alias
	}
	out := imported{Layout: found, Clusters: []importedCluster{}, Sources: []importedSource{}, Findings: []findings.Finding{}}
	out.repo, out.url = o.Repo, remoteOf(known)
	if len(found.Paths) > 0 {
		if err := o.preview(ctx, snap, &out); err != nil {
			return err
		}
	}
	out.Next = out.commands()
	if o.output == findings.JSON {
		return show.JSON(w, out)
	}
	return show.Lines(w, out.lines())
}

// remoteOf is the first of a repository's addresses that others can reach; "" if none is.
func remoteOf(addresses []string) string {
	at := slices.IndexFunc(addresses, func(a string) bool { return strings.Contains(a, "://") || strings.Contains(a, "@") })
	if at < 0 {
		return ""
	}
	return call.Redact(addresses[at])
}

// imported is what `drover import` found.
type imported struct {
	detect.Layout
	Clusters []importedCluster `json:"clusters"`
	// Sources are the places beside the repository that the hub will fetch from.
	Sources  []importedSource   `json:"sources"`
	Findings []findings.Finding `json:"findings"`
	Next     []string           `json:"next"`

	repo, url string
}

// importedCluster is a cluster as Drover would have it.
type importedCluster struct {
	Name   string         `json:"name"`
	Folder string         `json:"folder"`
	Apps   []importedApp  `json:"apps"`
	Kinds  map[string]int `json:"kinds"` // objects by kind
	Error  string         `json:"error,omitempty"`
}

// importedApp is an app as Drover would have it.
type importedApp struct {
	Name     string `json:"name"` // that people are shown
	Key      string `json:"key"`
	Declared string `json:"declared,omitempty"`
	Objects  int    `json:"objects"`
	// Elsewhere: what it needs is in another place than the repository, and was not fetched.
	Elsewhere bool   `json:"elsewhere,omitempty"`
	Error     string `json:"error,omitempty"`
}

// importedSource is a place that the hub will fetch from.
type importedSource struct {
	Address     string `json:"address"`
	Kind        string `json:"kind"`
	Apps        int    `json:"apps"`
	Credentials string `json:"credentials,omitempty"` // the name by which the repository asks for them
}

// errNotFetched stands in the place of every source.
var errNotFetched = errors.New("it is not fetched, since only the repository is looked at")

// unfetched fetches nothing.
type unfetched struct{}

// View implements resolve.Sources.
func (unfetched) View(context.Context, model.Source) (model.View, error) { return nil, errNotFetched }

// preview resolves every cluster as the layout has it.
func (o *importOptions) preview(ctx context.Context, snap model.Snapshot, out *imported) error {
	o.Path, o.Alias = out.Paths, out.Aliases
	r, done, err := o.Reading(unfetched{})
	if err != nil {
		return err
	}
	defer done()
	listed, err := r.Clusters(snap)
	if err != nil {
		out.Findings = append(out.Findings, findings.Finding{Severity: findings.Error, Text: err.Error()})
		return nil
	}
	apps, err := r.Refresh(ctx, snap, nil)
	if err != nil {
		return err
	}
	found := findings.New()
	for _, p := range slices.Concat(listed.Problems(), apps.Problems()) {
		found.Text("", "", p)
	}
	for _, site := range listed.Sites.Sites {
		c := importedCluster{Name: site.Name, Folder: site.Folder, Apps: []importedApp{}, Kinds: map[string]int{}, Error: site.Wrong}
		if site.Wrong != "" {
			found.Text("", "", site.Wrong)
			out.Clusters = append(out.Clusters, c)
			continue
		}
		res, err := r.Resolve(ctx, snap, resolve.Request{Site: site, Fleet: apps})
		if err != nil {
			return err
		}
		out.take(&c, &res)
		found.Resolution(res)
		out.Clusters = append(out.Clusters, c)
	}
	for _, n := range apps.Untaken(ctx, r, snap) {
		found.Note(findings.Note, "", "", n)
	}
	found.Show()
	out.show(found.Shown)
	found.Sort()
	out.Findings = append(out.Findings, found.All...)
	slices.SortFunc(out.Sources, func(a, b importedSource) int {
		return cmp.Or(cmp.Compare(b.Apps, a.Apps), cmp.Compare(a.Address, b.Address))
	})
	return nil
}

// take counts what a cluster would get. What is only not fetched is no error.
func (out *imported) take(c *importedCluster, res *resolve.Resolution) {
	for i := range res.Apps {
		a := &res.Apps[i]
		app := importedApp{Key: a.App.Name, Declared: a.App.Declared, Objects: len(a.Refs), Error: a.Err}
		if strings.Contains(a.Err, errNotFetched.Error()) {
			app.Elsewhere, app.Error, a.Err = true, "", ""
		}
		for _, ref := range a.Refs {
			c.Kinds[ref.Kind]++
		}
		for _, s := range a.App.Sources() {
			out.source(*s)
		}
		c.Apps = append(c.Apps, app)
	}
	elsewhere := func(p string) bool { return strings.Contains(p, errNotFetched.Error()) }
	res.Cluster.Problems = slices.DeleteFunc(slices.Clone(res.Cluster.Problems), elsewhere)
}

// show gives apps the names that people are shown, when all clusters are known.
func (out *imported) show(names *shown.Names) {
	for _, c := range out.Clusters {
		for i := range c.Apps {
			a := &c.Apps[i]
			a.Name, a.Error = names.Name(a.Key), names.Text(a.Error)
		}
	}
}

func (out *imported) source(s model.Source) {
	address := call.Redact(s.URL)
	at := slices.IndexFunc(out.Sources, func(x importedSource) bool { return x.Address == address && x.Credentials == s.Credentials })
	if at < 0 {
		at = len(out.Sources)
		out.Sources = append(out.Sources, importedSource{Address: address, Kind: string(s.Kind), Credentials: s.Credentials})
	}
	out.Sources[at].Apps++
}

// counts are how many objects there are of each kind, most first, in one line.
func counts(kinds map[string]int) string {
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b)) })
	var out []string
	for i, name := range names {
		if i == maxKinds {
			out = append(out, fmt.Sprintf("%d other kinds", len(names)-maxKinds))
			break
		}
		out = append(out, fmt.Sprintf("%d %s", kinds[name], name))
	}
	return strings.Join(out, ", ")
}
