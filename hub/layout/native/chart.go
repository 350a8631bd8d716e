package native

import (
	"errors"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// helmShapes are the fields of an App's spec.helm.
var helmShapes = []shape{
	{name: "path", kind: aText,
		says: "The chart's folder, or a chart archive, seen from the root of the repository, or of the " +
			"source.", example: "./apps/payment"},
	{name: "repo", kind: aText,
		says: "Instead of path: the address of a repository of charts, or of a registry as " +
			"oci://host/path.", example: "https://charts.example.com"},
	{name: "chart", kind: aText, says: "The chart in repo.", example: "web"},
	{name: "version", kind: aText,
		says: "Of the chart in repo: a version or a range of them; the latest that is no pre-release, if it is not " +
			"said.", example: "1.x"},
	{name: "credentials", kind: aText,
		says: "The hub's credential to log in to repo with; what it has for the address, if it is not " +
			"said.", example: "platform"},
	{name: "interval", kind: aDuration, says: "How often to look for a newer version in repo.", example: "1h",
		preset: "5m"},
	{name: "releaseName", kind: aText, says: "The App's name, if it is not said.", example: "payment"},
	{name: "values", kind: map[string]any{"type": "object"}, says: "Take precedence over valuesFiles.",
		example: map[string]any{"replicas": 3}},
	{name: "valuesFiles", kind: texts,
		says: "Files with values, seen from the root of this repository, wherever the chart is; later ones take " +
			"precedence, and all over the chart's own.",
		example: []any{"apps/payment/README.md"}},
	{name: "skipCRDs", kind: aSwitch, says: "Leave out the chart's crds/.", example: true, preset: false},
}

// laidOver are the fields of an App that are for folders.
var laidOver = []string{"targetNamespace", "namePrefix", "nameSuffix", "patches", "images", "components"}

// readChart takes spec.helm.
func readChart(d document.Document, tree model.Tree, spec, helm *yaml.Node, app *model.App) error {
	if err := d.CheckKeys(helm, "spec.helm", namesOf(helmShapes)...); err != nil {
		return err
	}
	c := &model.Chart{Release: app.Name}
	app.Chart = c
	var errs []error
	if n := document.Field(spec, "path"); n != nil {
		errs = append(errs, d.Errorf(n, "an App renders a folder or a chart: take out spec.path or spec.helm"))
	}
	for _, name := range laidOver {
		if n := document.Field(spec, name); n != nil {
			errs = append(errs, d.Errorf(n,
				"spec.%s is for folders, and this App is a chart: say it by the chart's values, or render the chart into a "+
					"folder", name))
		}
	}
	return errors.Join(append(errs, readChartPath(d, tree, helm, app), d.Text(helm, "releaseName", &c.Release),
		d.Bool(helm, "skipCRDs", &c.SkipCRDs),
		readValuesFiles(d, tree, helm, c), readValues(d, helm, c))...)
}

func readChartPath(d document.Document, tree model.Tree, helm *yaml.Node, app *model.App) error {
	for _, name := range []string{"repo", "chart", "version"} {
		if document.Field(helm, name) != nil {
			return readPublished(d, helm, app)
		}
	}
	n := document.Field(helm, "path")
	if app.Source != nil {
		var err error
		app.Path, err = readElsewhere(d, n, "spec.helm.path")
		return err
	}
	if document.Scalar(n) == "" {
		return d.Errorf(helm, "spec.helm has no path: name the folder of the chart, as ./charts/%s, or a published one "+
			"with repo and chart", app.Name)
	}
	var err error
	app.Path, _, err = findPath(d, tree, n, "spec.helm.path")
	return err
}

func readValuesFiles(d document.Document, tree model.Tree, helm *yaml.Node, c *model.Chart) error {
	return d.Each(helm, "valuesFiles", func(item *yaml.Node) error {
		if document.Scalar(item) == "" {
			return d.Errorf(item, "spec.helm.valuesFiles is to be a list of paths")
		}
		name, info, err := findPath(d, tree, item, "spec.helm.valuesFiles")
		if err == nil && info.IsDir() {
			err = d.Errorf(item, "spec.helm.valuesFiles %q is a folder: name a file with values", item.Value)
		}
		c.Values = append(c.Values, model.Values{Path: name})
		return err
	})
}

// readValues takes the values that are written in the App itself, as YAML: so Helm reads them as it reads a file.
func readValues(d document.Document, helm *yaml.Node, c *model.Chart) error {
	n := document.Field(helm, "values")
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.Errorf(n, "spec.helm.values is to be a mapping")
	}
	node := yaml.NewRNode(n).Copy()
	if err := node.DeAnchor(); err != nil {
		return d.Errorf(n, "spec.helm.values: %v", err)
	}
	text, err := node.String()
	if err != nil {
		return d.Errorf(n, "spec.helm.values cannot be read: %v", err)
	}
	c.Values = append(c.Values, model.Values{Text: text})
	return nil
}
