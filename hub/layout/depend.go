package layout

import (
	"slices"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/model"
)

// nameDependencies has Apps that depend on apps of other tools name them by their keys, whichever name people wrote.
// A name that may be any of several apps, or is none's, stays and is an error.
func (p *planner) nameDependencies() {
	named := make([]identity.Named, 0, len(p.Apps))
	for _, a := range p.Apps {
		named = append(named, identity.Named{Key: a.Name, Declared: a.Declared, Formerly: a.Formerly})
	}
	of := func(name string) string {
		if key, err := identity.Find(named, name); err == nil {
			return key
		}
		return name
	}
	for name, a := range p.Apps {
		if a.Declared != "" || len(a.DependsOn) == 0 || name == model.RootApp {
			continue // dialects name apps by what declares them
		}
		a.DependsOn, a.Handling.Ready = slices.Clone(a.DependsOn), slices.Clone(a.Handling.Ready)
		for i, on := range a.DependsOn {
			a.DependsOn[i] = of(on)
		}
		for i := range a.Handling.Ready {
			a.Handling.Ready[i].App = of(a.Handling.Ready[i].App)
		}
		p.Apps[name] = a
	}
}
