package native

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// protect takes what the annotations and labels of an App say of it: protected itself, what it delivers stays when the
// App is removed.
func protect(d document.Document, app *model.App) {
	meta := document.Field(d.Node, "metadata")
	annotations := scalars(document.Field(meta, "annotations"))
	app.Handling.Orphan = fleet.KeptBy(annotations, scalars(document.Field(meta, "labels"))) != ""
	app.AllowEmpty = app.AllowEmpty || fleet.AllowsEmpty(annotations)
}

// scalars are the values of a mapping that are texts, numbers or booleans, as they are written.
func scalars(n *yaml.Node) map[string]string {
	out := map[string]string{}
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = document.Scalar(n.Content[i+1])
		}
	}
	return out
}
