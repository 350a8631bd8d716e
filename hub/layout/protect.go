package layout

import (
	"encoding/json"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
)

// keepUnpruned keeps the objects of apps whose declaration would stay in the cluster, in Flux and Argo CD, when it
// leaves Git: because the app that declares it does not prune, or because the declaration itself is protected. What
// stays goes on delivering.
func (p *planner) keepUnpruned() {
	for name, app := range p.apps {
		if parent, declared := p.apps[app.Parent]; declared && !parent.Prune {
			app.Handling.Orphan = true
			p.apps[name] = app
		}
	}
	for _, o := range p.objects {
		var h head
		if app, ok := p.apps[o.appName]; ok && json.Unmarshal(o.JSON, &h) == nil && h.keptBy() != "" {
			app.Handling.Orphan = true
			p.apps[o.appName] = app
		}
	}
}

// allowsEmpty says whether an object that declares an app is annotated that the app may render to nothing.
func (o *fluxObject) allowsEmpty() bool {
	var h head
	return json.Unmarshal(o.JSON, &h) == nil && fleet.AllowsEmpty(h.annotations())
}

// keptBy is what protects an object from being pruned, see fleet.KeptBy.
func (h head) keptBy() string { return fleet.KeptBy(h.annotations(), h.labels()) }

// protect takes what the annotations and labels of an App say of it: protected itself, what it delivers stays when the
// App is removed.
func (d document) protect(app *fleet.App) {
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
