package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/cmd/drover/tree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/opaque"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/protocol"
)

// annotationApp names an object's app in rendered output, where that is asked for.
const annotationApp = "drover.dev/app"

// renderOptions are the flags of `drover render`.
type renderOptions struct {
	tree.Options
	app, output string
	annotate    bool
}

func newRenderCommand() *cobra.Command {
	var o renderOptions
	cmd := &cobra.Command{
		Use: "render CLUSTER", Short: "Print every object that a cluster would get, without a hub",
		Long: `Renders one cluster's folder at a revision of a repository on this machine, exactly as the hub does, and
prints its objects as one stream, sorted by app, group, kind, namespace and name. Nothing is applied.

Charts and files from other sources are fetched and cached; if a fetch fails, the cached version is used and a warning
printed. Errors are printed on standard error, with exit code 1; what can be rendered is printed all the same.`,
		Example: `  drover render staging --repo .
  drover render production-us-east-1 --repo ~/src/fleet --revision feature/new-base --app payment-service
  drover render staging --repo . --app shop --as-project team-a
  diff <(drover render staging --repo . --revision main) <(drover render staging --repo .)`,
		Args: exactly(1, "the name of one cluster"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	o.AddTo(f)
	f.StringVar(&o.app, "app", "", "only this app: its name, namespace/name, or kind/namespace/name where that is not enough")
	f.StringVarP(&o.output, "output", "o", "yaml", "yaml or json")
	f.StringVar(&o.AsProject, "as-project", "", "as if all apps but the folder's own were in this Project: what it does not permit is an error")
	f.BoolVar(&o.annotate, "annotate", false, "name each object's app in its annotation "+annotationApp)
	return cmd
}

func (o *renderOptions) run(ctx context.Context, name string, stdout, stderr io.Writer) error {
	if o.output != "yaml" && o.output != "json" {
		return usageError{fmt.Errorf("-o %s: use yaml or json", o.output)}
	}
	from, err := o.Open(ctx, stderr)
	if err != nil {
		return err
	}
	defer from.Close()
	found, err := from.Resolver.Clusters(from.Snap)
	if err != nil {
		return err
	}
	site, err := tree.Among(found, name, o.Revision)
	if err != nil {
		return err
	}
	_, all, err := from.Settled(ctx, []model.Site{site}, nil)
	if err != nil {
		return err
	}
	objects, bad, err := o.collect(from.Resolver, all[0], stderr)
	if err != nil {
		return err
	}
	if err := o.print(stdout, objects); err != nil {
		return err
	}
	if bad {
		return errBadNews
	}
	return nil
}

// rendered is one object with its app.
type rendered struct {
	app string
	ref protocol.ObjectRef
	obj map[string]any
}

// collect gives the objects in order, and says on stderr what is missing among them.
func (o *renderOptions) collect(r *resolve.Resolver, res resolve.Resolution, stderr io.Writer) (out []rendered, bad bool, err error) {
	names := shown.New()
	learn(names, res)
	for _, p := range res.Cluster.Problems {
		bad = true
		fmt.Fprintf(stderr, "drover: %s\n", names.Text(p))
	}
	asked := ""
	if o.app != "" {
		if asked, err = identity.Find(appNames(res), o.app); err != nil {
			return nil, false, fmt.Errorf("cluster %s, --app: %w", res.Cluster.Name, err)
		}
	}
	for _, a := range res.Apps {
		if asked != "" && a.App.Name != asked {
			continue
		}
		name := names.Name(a.App.Name)
		if a.Err != "" {
			bad = true
			fmt.Fprintf(stderr, "drover: app %s: %s\n", name, names.Text(a.Err))
			continue
		}
		if a.App.Handling.Substitute != nil || len(a.App.Handling.Opaque) > 0 {
			fmt.Fprintf(stderr, "drover: app %s: some of its variables are known in the cluster alone, where they are replaced: they are printed as they stand in Git\n", name)
		}
		for _, n := range a.Left {
			fmt.Fprintf(stderr, "drover: app %s: %s\n", name, names.Text(n.String()))
		}
		objects, err := r.Objects(*a.Ref)
		if err != nil {
			return nil, false, err
		}
		for _, obj := range objects {
			var m map[string]any
			dec := json.NewDecoder(bytes.NewReader(opaque.Object(obj.JSON, a.App.Handling.Opaque)))
			dec.UseNumber() // a number is printed as it was written
			if err := dec.Decode(&m); err != nil {
				return nil, false, err
			}
			out = append(out, rendered{name, fleet.RefOf(m), m})
		}
	}
	slices.SortStableFunc(out, func(a, b rendered) int { return cmp.Or(cmp.Compare(a.app, b.app), a.ref.Compare(b.ref)) })
	return out, bad, nil
}

// appNames are the apps of a cluster as they may be asked for.
func appNames(res resolve.Resolution) []identity.Named {
	var out []identity.Named
	for _, a := range res.Apps {
		out = append(out, identity.Named{Key: a.App.Name, Declared: a.App.Declared, Formerly: a.App.Formerly})
	}
	return out
}

// learn takes in what people are shown for the apps of a cluster.
func learn(names *shown.Names, res resolve.Resolution) {
	for _, a := range res.Apps {
		names.Learn(a.App.Declared)
	}
}

func (o *renderOptions) print(w io.Writer, objects []rendered) error {
	var out bytes.Buffer
	for i, r := range objects {
		if o.annotate {
			annotate(r.obj, r.app)
		}
		if o.output == "json" {
			data, err := json.Marshal(r.obj)
			if err != nil {
				return err
			}
			out.Write(append(query.EscapeJSON(data), '\n'))
			continue
		}
		data, err := json.Marshal(r.obj)
		if err != nil {
			return err
		}
		text, err := yaml.JSONToYAML(data)
		if err != nil {
			return err
		}
		// YAML is a superset of JSON, which can escape what nobody would see
		if query.Visible(string(text)) != string(text) {
			text = append(query.EscapeJSON(data), '\n')
		}
		if i > 0 {
			out.WriteString("---\n")
		}
		out.Write(text)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func annotate(obj map[string]any, app string) {
	meta, _ := obj["metadata"].(map[string]any)
	if meta == nil {
		return
	}
	annotations, _ := meta["annotations"].(map[string]any)
	if annotations == nil {
		annotations = map[string]any{}
		meta["annotations"] = annotations
	}
	annotations[annotationApp] = app
}
