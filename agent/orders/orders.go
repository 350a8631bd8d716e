package orders

import (
	"maps"
	"slices"

	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
)

// Specs are those of orders, by name.
func Specs(all map[string]Order) []protocol.App {
	out := make([]protocol.App, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name].Spec)
	}
	return out
}

// Renamed are orders with the names that a bundle has for their apps.
func Renamed(all map[string]Order, b protocol.Bundle) map[string]Order {
	to := identity.Successors(Specs(all), b.Apps)
	if len(to) == 0 {
		return all
	}
	out := make(map[string]Order, len(all))
	for _, o := range all {
		o.Spec = identity.Rename(o.Spec, to)
		out[o.Spec.Name] = o
	}
	return out
}

// Order is what a bundle asks of an app.
type Order struct {
	Spec    protocol.App // of an app that leaves, as it was
	Leaving bool         // it is no longer in the bundle
	Kept    bool         // it is not in the bundle, and is kept, because it may still be wanted
	Blocked string       // why its dependencies can never be satisfied
	Unfit   string       // why this agent must not handle it
}

// Of are what a bundle asks of every app, beside what was asked of them before.
func Of(b protocol.Bundle, before map[string]Order) map[string]Order {
	out := make(map[string]Order, len(before)+len(b.Apps))
	for name, o := range before {
		out[name] = o
	}
	graph := make(map[string][]string, len(b.Apps))
	for _, spec := range b.Apps {
		graph[spec.Name] = spec.DependsOn
		had := out[spec.Name].Spec
		spec = fleet.KeepKnown(spec, had)
		unfit := plan.Unmet(spec)
		if unfit != "" { // what was understood before stays in force
			spec.Handling, spec.Needs = had.Handling, had.Needs
		}
		out[spec.Name] = Order{Spec: spec, Unfit: unfit}
	}
	for _, broken := range fleet.CheckDependencies(graph) {
		o := out[broken.App]
		o.Blocked = broken.Reason
		out[broken.App] = o
	}
	parentOf := func(app string) string { return out[app].Spec.Parent }
	for name, o := range out {
		if _, present := graph[name]; present {
			continue
		}
		doubt := fleet.WhyKept(b, name, parentOf)
		switch {
		case doubt != "" && !o.Leaving:
			o.Kept, o.Spec.Error, o.Spec.Reason = true, fleet.Doubted(doubt), ""
		case doubt != "": // nothing is deleted until the doubt is gone
			o.Kept = true
		default:
			o = Order{Spec: o.Spec, Leaving: true, Unfit: plan.Unmet(o.Spec)}
			o.Spec.Error = ""
		}
		out[name] = o
	}
	inheritOrphans(out)
	return out
}

// inheritOrphans has the objects of apps stay that leave together with the app which declares them, where that leaves
// its own objects: the declaration is one of these, so in Flux and Argo CD it would stay in the cluster, with all that
// it delivers.
func inheritOrphans(orders map[string]Order) {
	for name, o := range orders {
		if !o.Leaving || o.Spec.Orphan {
			continue
		}
		p, ok := orders[o.Spec.Parent]
		for range len(orders) { // what is stored is not trusted to have no circle
			if !ok || !p.Leaving {
				break
			}
			if p.Spec.Orphan || !p.Spec.Prune {
				o.Spec.Orphan = true
				orders[name] = o
				break
			}
			p, ok = orders[p.Spec.Parent]
		}
	}
}
