package layout

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// objectFields are those of every object of ours.
var objectFields = []string{"apiVersion", "kind", "metadata", "spec"}

// readApp reads one App. Where there is a name, it is given along with an error, so that the app can keep
// its last good state.
func readApp(tree hub.Tree, d document) (fleet.App, error) {
	app := fleet.App{Name: d.name(), File: d.file, Prune: true}
	nameNode := field(field(d.node, "metadata"), "name")
	if nameNode == nil {
		return fleet.App{}, d.errorf(d.node, "an App without metadata.name: give it one")
	}
	if err := protocol.CheckName(app.Name); err != nil {
		return fleet.App{}, d.errorf(nameNode, "the app's metadata.name: %v", err)
	}
	if v := field(d.node, "apiVersion"); scalar(v) != fleet.APIVersion {
		return app, d.errorf(v, "an App of %s: this release of Drover knows %s", scalar(v), fleet.APIVersion)
	}
	spec := field(d.node, "spec")
	err := errors.Join( // all at once: a person wants to fix them in one go
		d.checkKeys(d.node, "an App", objectFields...),
		d.checkKeys(field(d.node, "metadata"), "metadata", namesOf(metaShapes)...),
		d.checkKeys(spec, "spec of an App", namesOf(appShapes)...),
		d.text(spec, "namespace", &app.Namespace),
		readAccount(d, spec, &app.Handling.ServiceAccount),
		readDecryption(d, spec, &app),
		d.bool(spec, "prune", &app.Prune),
		d.bool(spec, "suspend", &app.Suspend),
		d.bool(spec, "allowEmpty", &app.AllowEmpty),
		readDependencies(d, spec, &app), readHealthRules(d, spec, &app),
		d.pairs(spec, "vars", &app.Vars),
		d.duration(spec, "timeout", &app.Timeout),
		errors.Join(readOverlay(d, spec, &app)...),
		readHandling(d, spec, &app),
		refuseSelector(d, spec),
	)
	protect(d, &app)
	app.Substitute = len(app.Vars) > 0
	if len(app.DependsOn) > 0 {
		app.DependsAt = d.place(field(spec, "dependsOn"))
	}
	return app, oneLine(errors.Join(err, d.bool(spec, "substitute", &app.Substitute), readPart(d, tree, spec, &app)))
}

// readPart takes what an App renders: a folder, or a chart, of this repository or of another source.
func readPart(d document, tree hub.Tree, spec *yaml.Node, app *fleet.App) error {
	if err := readSource(d, spec, app); err != nil {
		return err
	}
	if helm := field(spec, "helm"); helm != nil {
		return readChart(d, tree, spec, helm, app)
	}
	return readPath(d, tree, spec, app)
}

// refuseSelector refuses a selector of clusters where the place of the App says already which cluster it is for.
func refuseSelector(d document, spec *yaml.Node) error {
	if n := field(spec, "clusterSelector"); n != nil && !strings.HasPrefix(d.file, FleetRoot+"/") {
		return d.errorf(n, "clusterSelector is for Apps below %s/, this one is for its own cluster alone: take it out, or move the App", FleetRoot)
	}
	return nil
}

// readPath takes spec.path: a folder of the repository, seen from its root as in Flux.
func readPath(d document, tree hub.Tree, spec *yaml.Node, app *fleet.App) error {
	n := field(spec, "path")
	if app.Source != nil {
		var err error
		app.Path, err = readElsewhere(d, n, "spec.path")
		return err
	}
	if n != nil && n.Kind != yaml.ScalarNode {
		return d.errorf(n, "spec.path is to be a text: the folder to render, as ./apps/%s/overlays/production", app.Name)
	}
	if scalar(n) == "" {
		at := n
		if at == nil {
			at = d.node
		}
		return d.errorf(at, "the App %s has no spec.path: name the folder to render, as ./apps/%s/overlays/production, or a chart under spec.helm", app.Name, app.Name)
	}
	var err error
	app.Path, err = findFolder(d, tree, n, "spec.path")
	return err
}

// findFolder takes the path of a folder.
func findFolder(d document, tree hub.Tree, n *yaml.Node, what string) (string, error) {
	name, info, err := findPath(d, tree, n, what)
	if err == nil && !info.IsDir() {
		err = d.errorf(n, "%s %q is a file: name the folder it is in", what, n.Value)
	}
	return name, err
}

// findPath takes a path in the repository, seen from its root as in Flux, at which there is something.
func findPath(d document, tree hub.Tree, n *yaml.Node, what string) (string, fs.FileInfo, error) {
	name := path.Clean(strings.TrimPrefix(strings.TrimLeft(scalar(n), "/"), "./"))
	if !fs.ValidPath(name) {
		return name, nil, d.errorf(n, "%s %q leaves the repository: name something in it, seen from its root", what, n.Value)
	}
	info, err := tree.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return name, nil, d.errorf(n, "%s %q does not exist at this revision: paths are seen from the repository's root", what, n.Value)
	case err != nil:
		return name, nil, d.errorf(n, "%s %q cannot be read: %v", what, n.Value, err)
	}
	return name, info, nil
}

// inSource finds what is wrong with an App that came out of a kustomization in the file that it came from, where there
// are lines; if it is not wrong there, it was made so on the way.
func inSource(tree hub.Tree, d document, err error) error {
	data, unreadable := tree.ReadFile(d.file)
	if unreadable != nil {
		return err
	}
	docs, _ := parse(d.file, data) // what is broken in it, the build has said
	for _, s := range docs {
		if s.isOurs() && scalar(field(s.node, "kind")) == fleet.KindApp && s.name() == d.name() {
			if _, there := readApp(tree, s); there != nil {
				return there
			}
		}
	}
	return err
}
