package native

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// ReadApp reads one App. Where there is a name, it is given along with an error, so that the app can keep
// its last good state.
func ReadApp(tree model.Tree, d document.Document) (model.App, error) {
	app := model.App{Name: d.Name(), File: d.File, Prune: true}
	nameNode := document.Field(document.Field(d.Node, "metadata"), "name")
	if nameNode == nil {
		return model.App{}, d.Errorf(d.Node, "an App without metadata.name: give it one")
	}
	if err := checkName(app.Name); err != nil {
		return model.App{}, d.Errorf(nameNode, "the app's metadata.name: %v", err)
	}
	if v := document.Field(d.Node, "apiVersion"); document.Scalar(v) != model.APIVersion {
		return app, d.Errorf(v, "an App of %s: this release of Drover knows %s", document.Scalar(v), model.APIVersion)
	}
	spec := document.Field(d.Node, "spec")
	err := errors.Join( // all at once: a person wants to fix them in one go
		d.CheckKeys(d.Node, "an App", objectFields...),
		d.CheckKeys(document.Field(d.Node, "metadata"), "metadata", namesOf(metaShapes)...),
		d.CheckKeys(spec, "spec of an App", namesOf(appShapes)...),
		d.Text(spec, "namespace", &app.Namespace), d.Text(spec, "project", &app.Project),
		readAccount(d, spec, &app.Handling.ServiceAccount),
		readDecryption(d, spec, &app),
		d.Bool(spec, "prune", &app.Prune),
		d.Bool(spec, "suspend", &app.Suspend),
		d.Bool(spec, "allowEmpty", &app.AllowEmpty), readDeletions(d, spec, &app),
		readDependencies(d, spec, &app), readHealthRules(d, spec, &app),
		d.Pairs(spec, "vars", &app.Vars),
		d.Duration(spec, "timeout", &app.Timeout),
		errors.Join(readOverlay(d, spec, &app)...),
		readHandling(d, spec, &app),
		refuseSelector(d, spec),
	)
	err = errors.Join(err, protect(d, &app))
	app.Substitute = len(app.Vars) > 0
	if len(app.DependsOn) > 0 {
		app.DependsAt = d.Place(document.Field(spec, "dependsOn"))
	}
	return app, document.OneLine(errors.Join(err, d.Bool(spec, "substitute", &app.Substitute),
		readPart(d, tree, spec, &app)))
}

// readPart takes what an App renders: a folder, or a chart, of this repository or of another source.
func readPart(d document.Document, tree model.Tree, spec *yaml.Node, app *model.App) error {
	if err := readSource(d, spec, app); err != nil {
		return err
	}
	if helm := document.Field(spec, "helm"); helm != nil {
		return readChart(d, tree, spec, helm, app)
	}
	return readPath(d, tree, spec, app)
}

// refuseSelector refuses a selector of clusters where the place of the App says already which cluster it is for.
func refuseSelector(d document.Document, spec *yaml.Node) error {
	if n := document.Field(spec, "clusterSelector"); n != nil && !strings.HasPrefix(d.File, planning.FleetRoot+"/") {
		return d.Errorf(n, "clusterSelector is for Apps below %s/, this one is for its own cluster alone: take it out, "+
			"or move the App", planning.FleetRoot)
	}
	return nil
}

// readPath takes spec.path: a folder of the repository, seen from its root as in Flux.
func readPath(d document.Document, tree model.Tree, spec *yaml.Node, app *model.App) error {
	n := document.Field(spec, "path")
	if app.Source != nil {
		var err error
		app.Path, err = readElsewhere(d, n, "spec.path")
		return err
	}
	if n != nil && n.Kind != yaml.ScalarNode {
		return d.Errorf(n, "spec.path is to be a text: the folder to render, as ./apps/%s/overlays/production", app.Name)
	}
	if document.Scalar(n) == "" {
		at := n
		if at == nil {
			at = d.Node
		}
		return d.Errorf(at, "the App %s has no spec.path: name the folder to render, as ./apps/%s/overlays/production, "+
			"or a chart under spec.helm", app.Name, app.Name)
	}
	var err error
	app.Path, err = findFolder(d, tree, n, "spec.path")
	return err
}

// findFolder takes the path of a folder.
func findFolder(d document.Document, tree model.Tree, n *yaml.Node, what string) (string, error) {
	name, info, err := findPath(d, tree, n, what)
	if err == nil && !info.IsDir() {
		err = d.Errorf(n, "%s %q is a file: name the folder it is in", what, n.Value)
	}
	return name, err
}

// findPath takes a path in the repository, seen from its root as in Flux, at which there is something.
func findPath(d document.Document, tree model.Tree, n *yaml.Node, what string) (string, fs.FileInfo, error) {
	name := path.Clean(strings.TrimPrefix(strings.TrimLeft(document.Scalar(n), "/"), "./"))
	if !fs.ValidPath(name) {
		return name, nil, d.Errorf(n, "%s %q leaves the repository: name something in it, seen from its root", what, n.Value)
	}
	info, err := tree.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name, nil, d.Errorf(n, "%s %q does not exist at this revision: paths are seen from the repository's root",
			what, n.Value)
	case err != nil:
		return name, nil, d.Errorf(n, "%s %q cannot be read: %v", what, n.Value, err)
	}
	return name, info, nil
}

// InSource finds what is wrong with an App that came out of a kustomization in the file that it came from, where there
// are lines; if it is not wrong there, it was made so on the way.
func InSource(tree model.Tree, d document.Document, err error) error {
	data, unreadable := tree.ReadFile(d.File)
	if unreadable != nil {
		return err
	}
	docs, _ := document.Parse(d.File, data) // what is broken in it, the build has said
	for _, s := range docs {
		if s.IsOurs() && document.Scalar(document.Field(s.Node, "kind")) == model.KindApp && s.Name() == d.Name() {
			if _, there := ReadApp(tree, s); there != nil {
				return there
			}
		}
	}
	return err
}
