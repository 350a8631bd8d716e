package layout

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

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
		d.account(spec, &app.Handling.ServiceAccount),
		d.decryption(spec, &app),
		d.yes(spec, "prune", &app.Prune),
		d.yes(spec, "suspend", &app.Suspend),
		d.yes(spec, "allowEmpty", &app.AllowEmpty),
		d.dependencies(spec, &app), d.healthRules(spec, &app),
		d.pairs(spec, "vars", &app.Vars),
		d.duration(spec, "timeout", &app.Timeout),
		errors.Join(d.overlay(spec, &app)...),
		d.handling(spec, &app),
		d.notChosen(spec),
	)
	d.protect(&app)
	app.Substitute = len(app.Vars) > 0
	if len(app.DependsOn) > 0 {
		app.DependsAt = d.place(field(spec, "dependsOn"))
	}
	return app, oneLine(errors.Join(err, d.yes(spec, "substitute", &app.Substitute), d.what(tree, spec, &app)))
}

// what takes what an App renders: a folder, or a chart, of this repository or of another source.
func (d document) what(tree hub.Tree, spec *yaml.Node, app *fleet.App) error {
	if err := d.source(spec, app); err != nil {
		return err
	}
	if helm := field(spec, "helm"); helm != nil {
		return d.chart(tree, spec, helm, app)
	}
	return d.path(tree, spec, app)
}

// notChosen refuses a selector of clusters where the place of the App says already which cluster it is for.
func (d document) notChosen(spec *yaml.Node) error {
	if n := field(spec, "clusterSelector"); n != nil && !strings.HasPrefix(d.file, FleetRoot+"/") {
		return d.errorf(n, "clusterSelector is for Apps below %s/, this one is for its own cluster alone: take it out, or move the App", FleetRoot)
	}
	return nil
}

// oneLine joins several errors in one line, each once.
func oneLine(err error) error {
	if err == nil {
		return nil
	}
	var once []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !slices.Contains(once, line) {
			once = append(once, line)
		}
	}
	return errors.New(strings.Join(once, "; "))
}

// path takes spec.path: a folder of the repository, seen from its root as in Flux.
func (d document) path(tree hub.Tree, spec *yaml.Node, app *fleet.App) error {
	n := field(spec, "path")
	if app.Source != nil {
		var err error
		app.Path, err = d.elsewhere(n, "spec.path")
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
	app.Path, err = d.folder(tree, n, "spec.path")
	return err
}

// folder takes the path of a folder.
func (d document) folder(tree hub.Tree, n *yaml.Node, what string) (string, error) {
	name, info, err := d.find(tree, n, what)
	if err == nil && !info.IsDir() {
		err = d.errorf(n, "%s %q is a file: name the folder it is in", what, n.Value)
	}
	return name, err
}

// find takes a path in the repository, seen from its root as in Flux, at which there is something.
func (d document) find(tree hub.Tree, n *yaml.Node, what string) (string, fs.FileInfo, error) {
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

func (d document) text(in *yaml.Node, key string, to *string) error {
	n := field(in, key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		return d.errorf(n, "%s is to be a text", key)
	}
	*to = scalar(n)
	return nil
}

func (d document) yes(in *yaml.Node, key string, to *bool) error {
	n := field(in, key)
	if n == nil {
		return nil
	}
	v, err := strconv.ParseBool(n.Value)
	if err != nil || n.Tag != "!!bool" {
		return d.errorf(n, "%s is %q: write true or false", key, n.Value)
	}
	*to = v
	return nil
}

func (d document) duration(in *yaml.Node, key string, to *time.Duration) error {
	n := field(in, key)
	if n == nil {
		return nil
	}
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return d.errorf(n, "%s is %q: write a duration such as 90s or 5m", key, n.Value)
	}
	*to = v
	return nil
}

// pairs takes a mapping of texts. Numbers and booleans are taken as they are written.
func (d document) pairs(in *yaml.Node, key string, to *map[string]string) error {
	n := field(in, key)
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.errorf(n, "%s is to be a mapping of names to texts", key)
	}
	*to = make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind != yaml.ScalarNode {
			return d.errorf(v, "%s.%s is to be a text", key, k.Value)
		}
		(*to)[k.Value] = scalar(v)
	}
	return nil
}
