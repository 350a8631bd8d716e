package native

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// CheckFleetApp says what is wrong with the name or the selector of an App for many clusters.
func CheckFleetApp(d document.Document) error {
	if err := checkName(d.Name()); err != nil {
		return d.Errorf(d.Node, "the app's metadata.name: %v", err)
	}
	if d.Name() == model.RootApp {
		return d.Errorf(d.Node, "the name %q is kept for what a cluster's folder holds: choose another", model.RootApp)
	}
	_, err := readClusterSelector(d)
	return err
}

// clusterSelector chooses the clusters that an App is for. All of it must hold; the zero value chooses all.
type clusterSelector struct {
	labels     selector.Selector
	expression string // CEL; "" for none
}

// selectorShapes are the fields of an App's clusterSelector.
var selectorShapes = []shape{
	{name: "matchLabels", kind: somePairs, says: "Labels that the cluster must have.",
		example: map[string]any{"env": "production"}},
	{name: "matchExpressions", list: true, fields: requirementShapes,
		says:    "Requirements on the cluster's labels, as in Kubernetes.",
		example: []any{map[string]any{"key": "env", "operator": "Exists"}}},
	{name: "expression", kind: aText,
		says: "CEL that must be true; it knows cluster.name, cluster.labels and " +
			"cluster.vars.", example: `cluster.name.startsWith("eu-")`},
}

var requirementShapes = []shape{
	{name: "key", must: true, kind: aText, example: "env"},
	{name: "operator", must: true, kind: map[string]any{"enum": []string{"In", "NotIn", "Exists", "DoesNotExist"}},
		example: "Exists"},
	{name: "values", kind: texts, says: "For In and NotIn.", example: []any{}},
}

// readClusterSelector reads an App's clusterSelector.
func readClusterSelector(d document.Document) (clusterSelector, error) {
	var out clusterSelector
	n := document.Field(document.Field(d.Node, "spec"), "clusterSelector")
	var labels map[string]string
	var requirements []selector.Requirement
	err := errors.Join(d.CheckKeys(n, "clusterSelector", namesOf(selectorShapes)...), d.Pairs(n, "matchLabels", &labels),
		d.Text(n, "expression", &out.expression),
		d.Each(n, "matchExpressions", func(item *yaml.Node) error {
			r, err := readRequirement(d, item)
			requirements = append(requirements, r)
			return err
		}))
	if err == nil {
		out.labels, err = selector.New(labels, requirements)
		if err != nil {
			err = d.Errorf(n, "clusterSelector: %v", err)
		}
	}
	if err == nil && out.expression != "" {
		if wrong := cel.CheckCluster(out.expression); wrong != nil {
			err = d.Errorf(document.Field(n, "expression"), "clusterSelector.expression: %v", wrong)
		}
	}
	return out, document.OneLine(err)
}

// readRequirement reads an item of matchExpressions.
func readRequirement(d document.Document, item *yaml.Node) (r selector.Requirement, err error) {
	err = errors.Join(d.CheckKeys(item, "matchExpressions", namesOf(requirementShapes)...), d.Text(item, "key", &r.Key),
		d.Text(item, "operator", &r.Operator), d.Texts(item, "values", &r.Values))
	return r, err
}

// Selects says whether an App for many clusters is for a cluster.
func Selects(d document.Document, cluster model.Cluster) (bool, error) {
	s, err := readClusterSelector(d)
	is := err == nil && s.labels.Matches(cluster.Labels)
	if is && s.expression != "" {
		if is, err = cel.MatchCluster(s.expression, cluster); err != nil {
			err = d.Errorf(d.Node, "the app %s: clusterSelector.expression, for the cluster %s: %v", d.Name(), cluster.Name, err)
		}
	}
	return is && err == nil, err
}

// placeholder finds what is resolved for each cluster.
var placeholder = regexp.MustCompile(`\$?\$\{(cluster\.name|cluster\.labels\.[^}]+|vars\.[^}]+)\}`)

// Localized is an App as it is for one cluster: without its selector, with the placeholders replaced. One that
// the cluster has nothing
// for stays, and is an error where the App is read.
func Localized(a model.Rendered, cluster model.Cluster) model.Rendered {
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
	return model.Rendered{JSON: data, File: a.File}
}

func replaced(v any, cluster model.Cluster) any {
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
func lookup(name string, cluster model.Cluster) (string, bool) {
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

// Unresolved says which placeholders of an App the cluster has nothing for, which its file may give it.
func Unresolved(d model.Declaration, cluster model.Cluster, file string) error {
	left := slices.Compact(slices.Sorted(slices.Values(placeholder.FindAllString(string(d.JSON), -1))))
	left = slices.DeleteFunc(left, func(s string) bool { _, ok := lookup(s[2:len(s)-1], cluster); return ok })
	if d.App != "" || len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%s: the cluster %s has nothing for %s: give it the label or the variable in %s, or let "+
		"clusterSelector leave it out",
		d.File, cluster.Name, strings.Join(left, ", "), file)
}
