package native

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// protect takes what the annotations and labels of an App say of it: protected itself, what it delivers stays when the
// App is removed.
func protect(d document.Document, app *model.App) error {
	meta := document.Field(d.Node, "metadata")
	annotations := scalars(document.Field(meta, "annotations"))
	app.Handling.Orphan = fleet.KeptBy(annotations, scalars(document.Field(meta, "labels"))) != ""
	in, odd := model.IntentsOf(annotations)
	in.AllowEmpty, in.Deletions = in.AllowEmpty || app.AllowEmpty, in.Deletions || app.Deletions
	if app.Intents = in; odd != "" {
		return d.Errorf(document.Field(meta, "annotations"), "the annotation %s is %q: the only value is never",
			model.AnnotationRollback, odd)
	}
	return nil
}

// readDeletions takes spec.deletions of an App.
func readDeletions(d document.Document, spec *yaml.Node, app *model.App) error {
	var text string
	if err := d.Text(spec, "deletions", &text); err != nil {
		return err
	}
	switch text {
	case "", deletionsGuarded:
	case fleet.DeletionsAllowed:
		app.Deletions = true
	default:
		return d.Errorf(document.Field(spec, "deletions"), "deletions is %q: write %s, so that no deletion of the app waits "+
			"for a person, or %s", text, fleet.DeletionsAllowed, deletionsGuarded)
	}
	return nil
}

// deletionsGuarded has the deletions of an App wait for a person where they are too many.
const deletionsGuarded = "guarded"

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
