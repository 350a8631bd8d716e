package layout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// FleetRoot is the folder with the Apps that are for many clusters.
const FleetRoot = "fleet"

// Fleet implements hub.Layout: every App in the plain files below FleetRoot, and what is Argo CD's there, also where a kustomization makes
// it. Whatever keeps an App from being read is a problem.
func (l *Layout) Fleet(ctx context.Context, tree hub.Tree) (apps []hub.Rendered, problems []string) {
	info, err := tree.Stat(FleetRoot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err == nil && !info.IsDir():
		return nil, []string{fmt.Sprintf("%s is a file: it is to be a folder with the Apps that are for many clusters", FleetRoot)}
	}
	at := map[string]string{}
	add := func(d document) {
		app, err := d.fleetApp()
		key := d.fleetKey()
		if prev := at[key]; err == nil && prev != "" {
			err = d.errorf(d.node, "the %s is declared in %s already: rename or remove one", key, prev)
		}
		if err != nil {
			problems = append(problems, err.Error())
			return
		}
		at[key] = d.place(d.node)
		apps = append(apps, app)
	}
	take := func(file string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			if made, err := l.fleetBuild(ctx, tree, file); made != nil || err != nil {
				take, wrong := fleetMade(file, made, err)
				for _, d := range take {
					add(d)
				}
				problems = append(problems, wrong...)
				return fs.SkipDir
			}
			return nil
		}
		var data []byte
		switch {
		case err != nil:
		case isYAML(e.Name()):
			data, err = tree.ReadFile(file)
		default:
			if says := misnamed(tree, file); says != "" {
				problems = append(problems, says)
			}
			return nil
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s cannot be read: %v", file, err))
			return nil
		}
		docs, broken := parse(file, data)
		if broken != nil {
			problems = append(problems, broken.Error())
		}
		for _, d := range docs {
			for _, item := range d.items() {
				add(item)
			}
		}
		return nil
	}
	if err := fs.WalkDir(tree, FleetRoot, take); err != nil {
		problems = append(problems, err.Error())
	}
	return apps, problems
}

// fleetApp takes a document below FleetRoot, which is to be an App with a name.
func (d document) fleetApp() (hub.Rendered, error) {
	if d.isArgo() {
		return d.rendering()
	}
	if says := lookalike(scalar(field(d.node, "apiVersion")), scalar(field(d.node, "kind"))); says != "" {
		return hub.Rendered{}, d.errorf(d.node, "%s", says)
	}
	if !d.isOurs() || scalar(field(d.node, "kind")) != fleet.KindApp {
		return hub.Rendered{}, d.errorf(d.node, "%s is for Apps (%s), and what Argo CD reads, that are for many clusters: move this elsewhere, and let an App name its folder", FleetRoot, fleet.APIVersion)
	}
	if err := protocol.CheckName(d.name()); err != nil {
		return hub.Rendered{}, d.errorf(d.node, "the app's metadata.name: %v", err)
	}
	if d.name() == fleet.RootApp {
		return hub.Rendered{}, d.errorf(d.node, "the name %q is kept for what a cluster's folder holds: choose another", fleet.RootApp)
	}
	if _, err := d.selector(); err != nil {
		return hub.Rendered{}, err
	}
	return d.rendering()
}

// rendering is a document as a build would give it.
func (d document) rendering() (hub.Rendered, error) {
	var object map[string]any
	if err := d.node.Decode(&object); err != nil {
		return hub.Rendered{}, d.errorf(d.node, "an object that cannot be read: %s", fleet.YAMLRule(err))
	}
	data, err := json.Marshal(object)
	return hub.Rendered{JSON: data, File: d.file}, err
}

// fleetKey is what a document below FleetRoot is known by: an App by its name alone.
func (d document) fleetKey() string {
	if !d.isArgo() {
		return "app " + d.name()
	}
	namespace := scalar(field(field(d.node, "metadata"), "namespace"))
	return scalar(field(d.node, "kind")) + " " + namespace + "/" + d.name()
}

// fleetBuild builds a folder below FleetRoot that has a kustomization; nil if it has none.
func (l *Layout) fleetBuild(ctx context.Context, tree hub.Tree, dir string) ([]hub.Rendered, error) {
	entries, err := tree.ReadDir(dir)
	if err != nil || !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isKustomization(e.Name()) }) {
		return nil, err
	}
	made, err := l.Renderer.Build(ctx, tree, dir, hub.BuildOptions{})
	return append([]hub.Rendered{}, made...), err
}

// fleetMade reads what a kustomization below FleetRoot gives.
func fleetMade(dir string, made []hub.Rendered, err error) (docs []document, problems []string) {
	if err != nil {
		return nil, []string{err.Error()}
	}
	for _, o := range made {
		if o.File == "" {
			o.File = dir
		}
		parsed, err := parse(o.File, o.JSON)
		if err != nil {
			problems = append(problems, err.Error())
		}
		for _, d := range parsed {
			d.rendered = true
			docs = append(docs, d)
		}
	}
	return docs, problems
}

// clusterSelector chooses the clusters that an App is for. All of it must hold; the zero value chooses all.
type clusterSelector struct {
	labels     fleet.Selector
	expression string // CEL; "" for none
}

// selectorShapes are the fields of an App's clusterSelector.
var selectorShapes = []shape{
	{name: "matchLabels", kind: somePairs, says: "Labels that the cluster must have.", example: map[string]any{"env": "production"}},
	{name: "matchExpressions", list: true, fields: requirementShapes, says: "Requirements on the cluster's labels, as in Kubernetes.",
		example: []any{map[string]any{"key": "env", "operator": "Exists"}}},
	{name: "expression", kind: aText, says: "CEL that must be true; it knows cluster.name, cluster.labels and cluster.vars.", example: `cluster.name.startsWith("eu-")`},
}

var requirementShapes = []shape{
	{name: "key", must: true, kind: aText, example: "env"},
	{name: "operator", must: true, kind: map[string]any{"enum": []string{"In", "NotIn", "Exists", "DoesNotExist"}}, example: "Exists"},
	{name: "values", kind: texts, says: "For In and NotIn.", example: []any{}},
}

// selector reads an App's clusterSelector.
func (d document) selector() (clusterSelector, error) {
	var out clusterSelector
	n := field(field(d.node, "spec"), "clusterSelector")
	var labels map[string]string
	var requirements []fleet.Requirement
	err := errors.Join(d.checkKeys(n, "clusterSelector", namesOf(selectorShapes)...), d.pairs(n, "matchLabels", &labels), d.text(n, "expression", &out.expression),
		d.each(n, "matchExpressions", func(item *yaml.Node) error {
			var r fleet.Requirement
			err := errors.Join(d.checkKeys(item, "matchExpressions", namesOf(requirementShapes)...), d.text(item, "key", &r.Key),
				d.text(item, "operator", &r.Operator), d.texts(item, "values", &r.Values))
			requirements = append(requirements, r)
			return err
		}))
	if err == nil {
		out.labels, err = fleet.NewSelector(labels, requirements)
		if err != nil {
			err = d.errorf(n, "clusterSelector: %v", err)
		}
	}
	if err == nil && out.expression != "" {
		if _, wrong := program(out.expression); wrong != nil {
			err = d.errorf(field(n, "expression"), "clusterSelector.expression: %v", wrong)
		}
	}
	return out, oneLine(err)
}

// Select implements hub.Layout.
func (l *Layout) Select(apps []hub.Rendered, cluster fleet.Cluster) (selected []hub.Rendered, problems []string) {
	for _, a := range apps {
		docs, err := parse(a.File, a.JSON)
		if err != nil || len(docs) != 1 {
			problems = append(problems, fmt.Sprintf("%s: an App that cannot be read: %v", a.File, err))
			continue
		}
		d := docs[0]
		d.rendered = true
		if d.isArgo() {
			if selectArgo(a, cluster) {
				selected = append(selected, a)
			}
			continue
		}
		s, err := d.selector()
		is := err == nil && s.labels.Matches(cluster.Labels)
		if is && s.expression != "" {
			if is, err = evaluate(s.expression, cluster); err != nil {
				err = d.errorf(d.node, "the app %s: clusterSelector.expression, for the cluster %s: %v", d.name(), cluster.Name, err)
			}
		}
		if err != nil {
			problems = append(problems, err.Error())
		}
		if is && err == nil {
			selected = append(selected, made(a, d, cluster))
		}
	}
	return selected, problems
}

// placeholder finds what is resolved for each cluster.
var placeholder = regexp.MustCompile(`\$?\$\{(cluster\.name|cluster\.labels\.[^}]+|vars\.[^}]+)\}`)

// made is an App as it is for one cluster: without its selector, with the placeholders replaced. One that the cluster has nothing
// for stays, and is an error where the App is read.
func made(a hub.Rendered, d document, cluster fleet.Cluster) hub.Rendered {
	var object map[string]any
	if json.Unmarshal(a.JSON, &object) != nil {
		return a // what is not JSON was refused when it was read
	}
	if spec, ok := object["spec"].(map[string]any); ok {
		spec = maps.Clone(spec)
		delete(spec, "clusterSelector")
		object["spec"] = replaced(spec, cluster)
	}
	data, err := json.Marshal(object)
	if err != nil {
		return a
	}
	return hub.Rendered{JSON: data, File: a.File}
}

func replaced(v any, cluster fleet.Cluster) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = replaced(item, cluster)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = replaced(item, cluster)
		}
		return out
	case string:
		return placeholder.ReplaceAllStringFunc(v, func(p string) string {
			if strings.HasPrefix(p, "$$") {
				return p[1:]
			}
			if value, ok := lookup(strings.TrimSuffix(strings.TrimPrefix(p, "${"), "}"), cluster); ok {
				return value
			}
			return p
		})
	}
	return v
}

// lookup gives what a placeholder stands for.
func lookup(name string, cluster fleet.Cluster) (string, bool) {
	if name == "cluster.name" {
		return cluster.Name, true
	}
	values := cluster.Vars
	if label, ok := strings.CutPrefix(name, "cluster.labels."); ok {
		name, values = label, cluster.Labels
	}
	value, ok := values[strings.TrimPrefix(name, "vars.")]
	return value, ok
}

// unmade says which placeholders of an App the cluster has nothing for.
func (p *planner) unmade(d hub.Declaration) error {
	left := slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(string(d.JSON), -1))))
	left = slices.DeleteFunc(left, func(s string) bool { _, ok := lookup(s[2:len(s)-1], p.cluster); return ok })
	if d.App != "" || len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%s: the cluster %s has nothing for %s: give it the label or the variable in %s, or let clusterSelector leave it out",
		d.File, p.cluster.Name, strings.Join(left, ", "), path.Join(p.layout.folder(p.cluster.Name), ClusterFile))
}
