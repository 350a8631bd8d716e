package layout

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// fluxHandling is what the spec of a Kustomization says about how its objects are applied and judged.
type fluxHandling struct {
	Wait, Force  bool
	HealthChecks []healthRef
	Ignore       []fluxIgnore
}

type healthRef struct{ APIVersion, Kind, Namespace, Name string }

// ref is the object that a health check names.
func (c healthRef) ref() protocol.ObjectRef {
	return protocol.ObjectRef{Group: fleet.GroupOf(c.APIVersion), Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}
}

// fluxIgnore is a rule on fields that are left to others, as Kustomizations and HelmReleases have it.
type fluxIgnore struct {
	Paths  []string
	Target *fleet.Target
}

func ignoreRules(rules []fluxIgnore) []fleet.IgnoreRule {
	var out []fleet.IgnoreRule
	for _, r := range rules {
		rule := fleet.IgnoreRule{Paths: r.Paths}
		if r.Target != nil {
			rule.Target = *r.Target
		}
		out = append(out, rule)
	}
	return out
}

// readHandlingOf takes what a Kustomization says about how its objects are applied and judged.
func readHandlingOf(p *Plan, o *Object, h fluxHandling, deletionPolicy string, app *fleet.App) error {
	app.Handling.Recreate, app.Ignore = h.Force, ignoreRules(h.Ignore)
	if h.Wait { // Flux does not look at healthChecks then
		return readDeletionPolicy(p, o, deletionPolicy, app)
	}
	for i, c := range h.HealthChecks {
		at := fmt.Sprintf("spec.healthChecks[%d]", i)
		if c.Kind == "" || c.Name == "" {
			return p.Errorf(o, at, "it is to have a kind and a name")
		}
		switch ref := c.ref(); {
		case !isFlux(ref.Group):
			app.Handling.Checks = append(app.Handling.Checks, ref)
		case checkedApp(p, c) == nil:
			app.Notes = append(app.Notes, p.Note(o, at, fmt.Sprintf("there is no app %s in what the cluster's folder renders to: nothing waits for it", ObjectKey(c.Kind, c.Namespace, c.Name))))
		}
	}
	return readDeletionPolicy(p, o, deletionPolicy, app)
}

// checkedApp is the object of Flux that a health check names, if it is an app; nil if not.
func checkedApp(p *Plan, c healthRef) *Object {
	if on := p.Object(ObjectKey(c.Kind, c.Namespace, c.Name)); on != nil && on.IsApp {
		return on
	}
	return nil
}

// readDeletionPolicy takes what becomes of the objects when the app goes.
func readDeletionPolicy(p *Plan, o *Object, policy string, app *fleet.App) error {
	switch policy {
	case "", "MirrorPrune":
	case "Orphan":
		app.Handling.Orphan = true
	case "Delete", "WaitForTermination":
		if !app.Prune {
			app.Notes = append(app.Notes, p.Note(o, "spec.deletionPolicy", "not done with prune: false: the objects stay when the Kustomization goes; say prune: true"))
		}
	default:
		return p.Errorf(o, "spec.deletionPolicy", "%q is not known: it is MirrorPrune, Delete, WaitForTermination or Orphan", policy)
	}
	return nil
}

// maxAwaited bounds how many dependencies awaitApps adds in one cluster.
const maxAwaited = 20_000

// awaitApps makes apps that depend on a Kustomization wait for the apps that it waits for itself: in Flux it is ready
// when those that its wait or its healthChecks name are, HelmReleases and Kustomizations among them. Here these are
// apps, and no objects of the cluster.
func awaitApps(p *Plan) {
	waits := map[string][]string{}
	for _, o := range p.Objects() {
		if names := awaited(p, o); len(names) > 0 {
			waits[p.AppOf(o)] = names
		}
	}
	if len(waits) == 0 {
		return
	}
	added := 0
	reach := reachable(p)
	for _, name := range slices.Sorted(maps.Keys(p.Apps)) {
		a := p.Apps[name]
		on := slices.Clone(a.DependsOn)
		for i := 0; i < len(on); i++ { // what is added may await others itself
			for _, next := range waits[on[i]] {
				if next != name && !slices.Contains(on, next) && !reach(next)[name] && added < maxAwaited {
					on = append(on, next)
					added++
				}
			}
		}
		a.DependsOn = on
		p.Apps[name] = a
	}
	if added >= maxAwaited {
		p.Problem("what the apps of the cluster %s wait for comes to more than %d dependencies: say wait or healthChecks on fewer Kustomizations", p.Cluster.Name, maxAwaited)
	}
}

// awaited are the apps that a Kustomization waits for. One that is suspended is not waited for: it may stay as it is for
// ever.
func awaited(p *Plan, o *Object) (out []string) {
	var k struct{ fluxHandling }
	if o.Kind != kindKustomization || !o.IsApp || o.Decode(&k) != nil {
		return nil
	}
	add := func(on *Object) {
		if name := p.AppOf(on); name != p.AppOf(o) && !p.Apps[name].Suspend {
			out = append(out, name)
		}
	}
	if !k.Wait {
		for _, c := range k.HealthChecks {
			if on := checkedApp(p, c); on != nil && isFlux(c.ref().Group) {
				add(on)
			}
		}
		return out
	}
	for _, on := range p.Objects() {
		if on.IsApp && on.App == p.AppOf(o) {
			add(on)
		}
	}
	return out
}

// reachable gives for an app all that it depends on, as it is declared: an app that depends on the one which waits for
// it would wait for ever.
func reachable(p *Plan) func(string) map[string]bool {
	known := map[string]map[string]bool{}
	return func(from string) map[string]bool {
		if seen, ok := known[from]; ok {
			return seen
		}
		seen := map[string]bool{}
		todo := []string{from}
		for len(todo) > 0 {
			name := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, on := range p.Apps[name].DependsOn {
				if !seen[on] {
					seen[on] = true
					todo = append(todo, on)
				}
			}
		}
		known[from] = seen
		return seen
	}
}
