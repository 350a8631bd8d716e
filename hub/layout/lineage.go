package layout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/trust"
)

// inherit gives apps what follows from the apps that declare them.
func (p *planner) inherit() {
	p.limit(planning.MaxApps)
	defaulted := map[string]bool{}
	for _, o := range p.Objects() {
		if p.Defaulted(o, p.Apps[o.AppName].Handling.ServiceAccount) {
			defaulted[o.AppName] = true
		}
	}
	for name, a := range p.Apps {
		way, account := []string{name}, ""
		for parent := a.Parent; parent != ""; parent = p.Apps[parent].Parent {
			way = append(way, parent)
			if p.Apps[parent].Suspend {
				a.Suspend = true
			}
			account = cmp.Or(p.Apps[parent].Handling.ServiceAccount, account) // that of the highest counts
			if len(way) > planning.MaxDepth {
				slices.Reverse(way)
				a.Err = fmt.Sprintf("%s: apps declare apps more than %d deep (%s): declare it higher up", a.File,
					planning.MaxDepth, strings.Join(way, " → "))
				break
			}
		}
		bind(&a, account, defaulted[name])
		p.Apps[name] = a
	}
}

// limit bounds how many apps there are. Where tenants declare too many, those stop that declare the most, and what they
// declare does not count; else it is a problem of the cluster.
func (p *planner) limit(most int) {
	by := map[trust.Party][]string{}
	for name, a := range p.Apps {
		if party := p.Party(a.Parent); party.Rank() > 0 {
			by[party] = append(by[party], name)
		}
	}
	tenants := slices.SortedFunc(maps.Keys(by), func(a, b trust.Party) int {
		return cmp.Or(len(by[b])-len(by[a]), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Project, b.Project))
	})
	for _, party := range tenants {
		if len(p.Apps) <= most {
			return
		}
		for _, name := range by[party] {
			p.Fault(p.Apps[name].Parent, "the cluster %s would have more than %d apps, and those with the rights of %s declare the most, %d: "+
				"does an app declare others without end?", p.Cluster.Name, most, party, len(by[party]))
			delete(p.Apps, name)
		}
	}
	if len(p.Apps) > most {
		p.Problem("the cluster %s declares %d apps, and %d is the most: does an app declare others without end?",
			p.Cluster.Name, len(p.Apps), most)
	}
}

// noteCircles names apps that are declared again, above all by an app that they declare themselves. Nothing runs in a
// circle: what is declared twice alike is one app.
func (p *planner) noteCircles() {
	for _, o := range p.Objects() {
		app, ok := p.Apps[o.AppName]
		if o.AppName == "" || !ok {
			continue
		}
		for _, by := range o.Again {
			text := fmt.Sprintf("the app %s declares it once more: remove one of the two", by)
			way := []string{o.AppName}
			for at := by; at != ""; at = p.Apps[at].Parent {
				way = append(way, at)
				if at == o.AppName {
					slices.Reverse(way)
					text = fmt.Sprintf("it declares itself (%s): take it out of the app %s", strings.Join(way, " → "), by)
					break
				}
			}
			app.Notes = append(app.Notes, p.Note(o, "", text))
		}
		p.Apps[o.AppName] = app
	}
}

// keepUnpruned keeps the objects of apps whose declaration would stay in the cluster, in Flux and Argo CD, when it
// leaves Git: because the app that declares it does not prune, or because the declaration itself is protected. What
// stays goes on delivering.
func (p *planner) keepUnpruned() {
	for name, app := range p.Apps {
		if parent, declared := p.Apps[app.Parent]; declared && !parent.Prune {
			app.Handling.Orphan = true
			p.Apps[name] = app
		}
	}
	for _, o := range p.Objects() {
		if app, ok := p.Apps[o.AppName]; ok && o.Kept() {
			app.Handling.Orphan = true
			p.Apps[o.AppName] = app
		}
	}
}

// placeDependencies finds the line on which dependencies stand that can never be satisfied. Messages tell that of no
// others.
func (p *planner) placeDependencies() {
	open := maps.Clone(p.Apps)
	for settled := true; settled; { // what waits for nothing that is open is none of them
		settled = false
		for name, a := range open {
			waits := func(on string) bool { _, is := open[on]; _, there := p.Apps[on]; return is || !there }
			if !slices.ContainsFunc(a.DependsOn, waits) {
				delete(open, name)
				settled = true
			}
		}
	}
	for _, o := range p.Objects() {
		if a, ok := open[o.AppName]; ok && o.AppName != "" {
			if line := p.Line(o, "spec.dependsOn"); line > 0 {
				a.DependsAt = fmt.Sprintf("%s:%d", o.File, line)
			}
			p.Apps[o.AppName] = a
		}
	}
}
