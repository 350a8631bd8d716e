package layout

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
)

// protect takes what the annotations and labels of an App say of it: protected itself, what it delivers stays when the
// App is removed.
func protect(d document, app *fleet.App) {
	meta := field(d.node, "metadata")
	annotations := scalars(field(meta, "annotations"))
	app.Handling.Orphan = fleet.KeptBy(annotations, scalars(field(meta, "labels"))) != ""
	app.AllowEmpty = app.AllowEmpty || fleet.AllowsEmpty(annotations)
}

// scalars are the values of a mapping that are texts, numbers or booleans, as they are written.
func scalars(n *yaml.Node) map[string]string {
	out := map[string]string{}
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = scalar(n.Content[i+1])
		}
	}
	return out
}
