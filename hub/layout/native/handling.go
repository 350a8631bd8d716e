package native

import (
	"errors"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// handlingShapes are the fields of an App's spec that say how its objects are applied and judged.
var handlingShapes = []shape{
	{name: "createNamespace", fields: []shape{
		{name: "labels", kind: somePairs, says: "For the namespace.", example: map[string]any{"team": "a"}},
		{name: "annotations", kind: somePairs, says: "For the namespace.", example: map[string]any{"owner": "a"}},
	}, says: "Create the App's namespace where it is not there. It is never " +
		"deleted.", example: map[string]any{"labels": map[string]any{"team": "a"}}},
	{name: "recreate", kind: aSwitch, says: "Delete and recreate an object with an immutable field that changed.",
		example: true, preset: false},
	{name: "keepDrift", kind: aSwitch, says: "Report drift and do not correct it until Git changes.", example: true,
		preset: false},
	{name: "healthChecks", list: true, fields: checkShapes,
		says:    "Objects of others that must be healthy for the app to be.",
		example: []any{map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "db"}}},
	{name: "ignore", list: true, fields: ignoreShapes, says: "Fields that are left to others once the objects exist.",
		example: []any{map[string]any{"paths": []any{"/spec/replicas"}}}},
}

var checkShapes = []shape{
	{name: "apiVersion", must: true, kind: aText, says: "The version in it does not matter.", example: "apps/v1"},
	{name: "kind", must: true, kind: aText, example: "Deployment"},
	{name: "namespace", kind: aText, says: "The App's, if it is not said.", example: "shop"},
	{name: "name", must: true, kind: aText, example: "db"},
}

var ignoreShapes = []shape{
	{name: "target", fields: patchShapes[1].fields, says: "The objects; all of the app without it.",
		example: map[string]any{"kind": "Deployment"}},
	{name: "paths", kind: texts, says: "JSON pointers (RFC 6901).", example: []any{"/spec/replicas"}},
	{name: "jq", kind: texts, says: "Path expressions of jq.",
		example: []any{`.spec.template.spec.containers[] | select(.name == "proxy")`}},
	{name: "when", kind: aText, says: "CEL over the object in Git: the rule is for those of which it is true.",
		example: "object.spec.replicas > 1"},
	{name: "managers", kind: texts, says: "Field managers: what they own is theirs.", example: []any{"autoscaler"}},
}

// readHandling takes the fields of an App that say how its objects are applied and judged.
func readHandling(d document.Document, spec *yaml.Node, app *model.App) error {
	return errors.Join(d.Bool(spec, "recreate", &app.Handling.Recreate),
		d.Bool(spec, "keepDrift", &app.Handling.KeepDrift),
		readCreateNamespace(d, document.Field(spec, "createNamespace"), app), readHealthChecks(d, spec, app), readIgnore(d,
			spec, app))
}

func readCreateNamespace(d document.Document, n *yaml.Node, app *model.App) error {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if app.Namespace == "" {
		return d.Errorf(n, "createNamespace creates the App's namespace, and this App has none: name it under spec.namespace")
	}
	var r protocol.NamespaceRequest
	app.Handling.CreateNamespace = &r
	return errors.Join(d.CheckKeys(n, "createNamespace", "labels", "annotations"), d.Pairs(n, "labels", &r.Labels),
		d.Pairs(n, "annotations", &r.Annotations))
}

func readHealthChecks(d document.Document, spec *yaml.Node, app *model.App) error {
	return d.Each(spec, "healthChecks", func(item *yaml.Node) error {
		var c planning.HealthRef
		if err := d.Record(item, "healthChecks", namesOf(checkShapes), &c.APIVersion, &c.Kind, &c.Namespace,
			&c.Name); err != nil {
			return err
		}
		if c.APIVersion == "" || c.Kind == "" || c.Name == "" {
			return d.Errorf(item, "healthChecks names objects by apiVersion, kind and name, and by namespace if it is not "+
				"the App's")
		}
		app.Handling.Checks = append(app.Handling.Checks, c.Ref())
		return nil
	})
}

func readIgnore(d document.Document, spec *yaml.Node, app *model.App) error {
	return d.Each(spec, "ignore", func(item *yaml.Node) error {
		var r model.IgnoreRule
		target, err := readTarget(d, item)
		if target != nil {
			r.Target = *target
		}
		err = errors.Join(d.CheckKeys(item, "ignore", namesOf(ignoreShapes)...), err, d.Texts(item, "paths", &r.Paths),
			d.Texts(item, "jq", &r.JQ),
			d.Text(item, "when", &r.When), d.Texts(item, "managers", &r.Managers))
		if err == nil && len(r.Paths)+len(r.JQ)+len(r.Managers) == 0 {
			err = d.Errorf(item, "a rule of ignore that ignores nothing: give it paths, jq or managers")
		}
		app.Ignore = append(app.Ignore, r)
		return err
	})
}

// readTarget takes the objects that a patch or a rule is for; nil if it names none.
func readTarget(d document.Document, item *yaml.Node) (*model.Target, error) {
	n := document.Field(item, "target")
	if n == nil {
		return nil, nil
	}
	t := &model.Target{}
	return t, d.Record(n, "target", namesOf(patchShapes[1].fields), &t.Group, &t.Version, &t.Kind, &t.Namespace, &t.Name,
		&t.LabelSelector, &t.AnnotationSelector)
}
