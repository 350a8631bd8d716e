// Package naming gives apps the names by which a cluster's agent knows them. Apps have keys (package identity), and
// hubs of older releases gave them other names. An agent that cannot move what it has of an app to another name is
// given the app under the name by which it has it; everything else by its key.
//
// It may import hub/model, hub/release and hub/resolve.
package naming

import (
	"maps"
	"slices"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Named is a resolution with the names that the cluster's agent is given, and what is remembered and reported of the
// cluster with those names. moved says that an app has another name than the agent was given last.
func Named(res *resolve.Resolution, prev release.Released, report *protocol.Report) (_ *resolve.Resolution,
	_ release.Released, _ *protocol.Report, moved bool) {
	if res == nil {
		return nil, prev, report, false
	}
	if given := givenNames(candidates(res), prev.Bundle.Apps, report); len(given) > 0 {
		res = renamed(res, given)
	}
	now := candidates(res)
	to := identity.Successors(prev.Bundle.Apps, now)
	return res, movedReleased(prev, to), movedReport(report, now), len(to) > 0
}

// candidates are the apps of a resolution as far as it matters for their names.
func candidates(res *resolve.Resolution) []protocol.App {
	out := make([]protocol.App, len(res.Apps))
	for i, r := range res.Apps {
		out[i] = protocol.App{Name: r.App.Name, Declared: DeclaredBy(r.App), Formerly: r.App.Formerly, Blob: r.Ref}
	}
	return out
}

// DeclaredBy is what declares an app, for its agent.
func DeclaredBy(a model.App) string {
	switch {
	case a.Declared != "" && a.Name != model.RootApp:
		return a.Declared
	case a.Name == model.RootApp:
		return identity.ID{Kind: identity.KindRoot, Name: a.Name}.String()
	}
	return identity.ID{Kind: identity.KindApp, Name: a.Name}.String()
}

// givenNames are the names, by key, of apps that an agent has under another name and cannot move: as it reports them,
// or else as it was given them last.
func givenNames(apps, last []protocol.App, report *protocol.Report) map[string]string {
	if report != nil && report.Agent.Renames {
		return nil
	}
	keys := map[string]bool{}
	for _, a := range apps {
		keys[a.Name] = true
	}
	out := map[string]string{}
	take := func(has []protocol.App) {
		for name, key := range identity.Successors(has, apps) {
			if out[key] == "" && !keys[name] {
				out[key] = name
			}
		}
	}
	has := reportedApps(report, last)
	take(has)
	take(slices.DeleteFunc(slices.Clone(last), func(a protocol.App) bool {
		return a.Name == out[a.Name] || find(has, a.Name) != nil
	}))
	for key := range out { // it has the app under its key
		if find(has, key) != nil {
			delete(out, key)
		}
	}
	return out
}

// find gives an app by its name; nil if there is none.
func find(apps []protocol.App, name string) *protocol.App {
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}

// reportedApps are the apps that an agent has, with what is known of those of their names.
func reportedApps(report *protocol.Report, last []protocol.App) (out []protocol.App) {
	if report == nil {
		return nil
	}
	for _, r := range report.Apps {
		a := protocol.App{Name: r.Name, Declared: r.Declared}
		if known := find(last, r.Name); known != nil {
			a = *known
		}
		if r.Digest != "" {
			a.Blob = &protocol.Blob{Digest: r.Digest}
		}
		out = append(out, a)
	}
	return out
}

// renamed is a resolution whose apps have other names.
func renamed(res *resolve.Resolution, to map[string]string) *resolve.Resolution {
	out := *res
	out.Apps = slices.Clone(res.Apps)
	for i := range out.Apps {
		out.Apps[i].App = renamedApp(out.Apps[i].App, to)
	}
	out.Cluster.Apps = slices.Clone(res.Cluster.Apps)
	for i := range out.Cluster.Apps {
		out.Cluster.Apps[i] = renamedApp(out.Cluster.Apps[i], to)
	}
	slices.SortFunc(out.Apps, func(a, b resolve.AppResult) int { return model.CompareApps(a.App, b.App) })
	slices.SortFunc(out.Cluster.Apps, model.CompareApps)
	return &out
}

func renamedApp(a model.App, to map[string]string) model.App {
	p := identity.Rename(protocol.App{Name: a.Name, Parent: a.Parent, DependsOn: a.DependsOn, Handling: a.Handling}, to)
	a.Name, a.Parent, a.DependsOn, a.Handling = p.Name, p.Parent, p.DependsOn, p.Handling
	return a
}

// movedReleased is what is remembered of a cluster, with other names for its apps. Its digest stays that of what was
// published.
func movedReleased(r release.Released, to map[string]string) release.Released {
	if len(to) == 0 {
		return r
	}
	r.Bundle.Apps = slices.Clone(r.Bundle.Apps)
	for i := range r.Bundle.Apps {
		r.Bundle.Apps[i] = identity.Rename(r.Bundle.Apps[i], to)
	}
	if d := r.Bundle.Deletions; d != nil {
		r.Bundle.Deletions = &protocol.Deletions{Apps: moveKeys(d.Apps, to), Approved: d.Approved}
	}
	r.Deletions.Apps = moveKeys(r.Deletions.Apps, to)
	r.Waiting.Apps = moveKeys(r.Waiting.Apps, to)
	r.Deletions.Approvals = slices.Clone(r.Deletions.Approvals)
	for i, a := range r.Deletions.Approvals {
		r.Deletions.Approvals[i].Apps = moveNames(a.Apps, to)
	}
	return r
}

// movedReport is a report with the names that apps have now: its agent may not have moved them yet.
func movedReport(r *protocol.Report, now []protocol.App) *protocol.Report {
	to := identity.Successors(reportedApps(r, nil), now)
	if len(to) == 0 {
		return r
	}
	out := *r
	out.Apps, out.Held = slices.Clone(r.Apps), slices.Clone(r.Held)
	for i, a := range out.Apps {
		out.Apps[i].Name = moveName(a.Name, to)
	}
	for i, h := range out.Held {
		out.Held[i].App = moveName(h.App, to)
	}
	return &out
}

func moveName(name string, to map[string]string) string {
	if now, ok := to[name]; ok {
		return now
	}
	return name
}

func moveNames(names []string, to map[string]string) []string {
	out := slices.Clone(names)
	for i := range out {
		out[i] = moveName(out[i], to)
	}
	return out
}

// moveKeys is a map with other keys. What is there under a new one stays.
func moveKeys[V any](m map[string]V, to map[string]string) map[string]V {
	out := maps.Clone(m)
	for from, now := range to {
		v, has := m[from]
		if _, taken := m[now]; has && !taken {
			out[now] = v
		}
		delete(out, from)
	}
	return out
}
