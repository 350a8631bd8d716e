package flux

import (
	"maps"
	"slices"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/trust"
)

// maxAwaited bounds how many dependencies awaitApps adds in one cluster.
const maxAwaited = 20_000

// awaitApps makes apps that depend on a Kustomization wait for the apps that it waits for itself: in Flux it is ready
// when those that its wait or its healthChecks name are, HelmReleases and Kustomizations among them. Here these are
// apps, and no objects of the cluster.
func awaitApps(p *planning.Plan) {
	waits := map[string][]string{}
	for _, o := range p.Objects() {
		if names := awaited(p, o); len(names) > 0 {
			waits[p.AppOf(o)] = names
		}
	}
	if len(waits) == 0 {
		return
	}
	added := map[trust.Party]int{} // who declares too many is bounded alone
	reach := reachable(p)
	for _, name := range slices.Sorted(maps.Keys(p.Apps)) {
		a := p.Apps[name]
		party := p.Party(a.Parent)
		on := slices.Clone(a.DependsOn)
		for i := 0; i < len(on); i++ { // what is added may await others itself
			for _, next := range waits[on[i]] {
				if next != name && !slices.Contains(on, next) && !reach(next)[name] && added[party] < maxAwaited {
					on = append(on, next)
					added[party]++
				}
			}
		}
		a.DependsOn = on
		p.Apps[name] = a
		if added[party] >= maxAwaited {
			p.Fault(a.Parent, "what the apps of the cluster %s wait for comes to more than %d dependencies: say wait or healthChecks "+
				"on fewer Kustomizations", p.Cluster.Name, maxAwaited)
		}
	}
}

// awaited are the apps that a Kustomization waits for. One that is suspended is not waited for: it may stay as
// it is for
// ever.
func awaited(p *planning.Plan, o *planning.Object) (out []string) {
	var k struct{ handlingSpec }
	if o.Kind != kindKustomization || !o.IsApp || o.Decode(&k) != nil {
		return nil
	}
	add := func(on *planning.Object) {
		if name := p.AppOf(on); name != p.AppOf(o) && !p.Apps[name].Suspend {
			out = append(out, name)
		}
	}
	if !k.Wait {
		for _, c := range k.HealthChecks {
			if on := checkedApp(p, c); on != nil && isOwn(c.Ref().Group) {
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
func reachable(p *planning.Plan) func(string) map[string]bool {
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
