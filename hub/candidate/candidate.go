// Package candidate makes what a cluster would get of what a revision asks of it, for the release gate. It is pure.
//
// It may import hub/declared, hub/model, hub/naming, hub/release and hub/resolve.
package candidate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/declared"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/naming"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Of is what a resolution would give its cluster, which was given last before.
func Of(res resolve.Resolution, revision protocol.Revision, last protocol.Bundle) release.Candidate {
	c := release.Candidate{
		Bundle: Bundle(res, revision, last), Refs: map[string][]protocol.ObjectRef{},
		FleetApps: res.FleetApps, FleetGone: res.FleetGone,
		Described: res.Cluster.Described, Unclear: res.Cluster.Unclear, Doubt: res.Doubt != "",
	}
	c.Stays, c.Policies = map[string]bool{}, map[string][]string{}
	for _, a := range res.Apps {
		if a.Err == "" {
			c.Stays[a.App.Name] = a.App.NeverBack
			if named := a.App.Policies.Names(); len(named) > 0 {
				c.Policies[a.App.Name] = named
			}
		}
		if a.Ref == nil {
			continue
		}
		refs := make([]protocol.ObjectRef, len(a.Refs))
		for i, ref := range a.Refs {
			refs[i] = model.Claimed(ref, a.App.Namespace)
		}
		c.Refs[a.App.Name] = refs
	}
	c.Declared, c.Permits = declared.Of(res), declared.Permits(res)
	return c
}

// Owned are the objects of something that an app was given, which contents gives as the blob has them, as they are in
// the cluster.
func Owned(contents func(protocol.Blob) ([]deletions.Owned, error), g release.Given) ([]deletions.Owned, error) {
	objects, err := contents(g.Blob)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(objects)
	for i := range out {
		out[i].Ref = model.Claimed(out[i].Ref, g.Namespace)
	}
	return out, nil
}

// Bundle is the bundle that a resolution asks for, without a generation. An app that could not be rendered keeps its
// last good blob, from last; and while a folder cannot be read whole, an app that seems to be missing from it is kept
// too. last may be empty, because the hub's store was lost: so everything that is in doubt is written into the bundle,
// and the agent keeps what it knows.
func Bundle(res resolve.Resolution, revision protocol.Revision, last protocol.Bundle) protocol.Bundle {
	b := protocol.Bundle{
		Version: protocol.Version, Cluster: res.Cluster.Name, Revision: revision, Suspend: res.Cluster.Suspend,
		AgentImage: res.Cluster.AgentImage, Incomplete: incomplete(&res),
	}
	if res.Cluster.Unclear {
		b.Suspend, b.AgentImage = last.Suspend, last.AgentImage
		b.FlagsUnknown = cmp.Or(strings.Join(res.Cluster.Problems, "; "), "cluster.yaml cannot be read")
	}
	for _, r := range res.Apps {
		b.Apps = append(b.Apps, appOf(r, revision, find(last.Apps, r.App.Name)))
	}
	parentOf := func(app string) string {
		if a := find(last.Apps, app); a != nil {
			return a.Parent
		}
		return ""
	}
	kept := 0
	for _, a := range last.Apps {
		if find(b.Apps, a.Name) != nil {
			continue
		}
		if doubt := fleet.WhyKept(b, a.Name, parentOf); doubt != "" {
			a.Error, a.Reason = fleet.Doubted(doubt), ""
			b.Apps = append(b.Apps, a)
			kept++
		}
	}
	if kept > 0 {
		slices.SortFunc(b.Apps, func(a, b protocol.App) int { return strings.Compare(a.Name, b.Name) })
	}
	return b
}

// incomplete says why the apps of a resolution may lack some that exist.
func incomplete(r *resolve.Resolution) string {
	reasons := slices.Clone(r.Cluster.Problems)
	if r.Doubt != "" && !slices.Contains(reasons, r.Doubt) {
		reasons = append(reasons, r.Doubt)
	}
	return strings.Join(reasons, "; ")
}

func find(apps []protocol.App, name string) *protocol.App {
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}

func appOf(r resolve.AppResult, revision protocol.Revision, last *protocol.App) protocol.App {
	a := protocol.App{
		Name: r.App.Name, Declared: naming.DeclaredBy(r.App), Formerly: r.App.Formerly, Parent: r.App.Parent,
		DependsOn: r.App.DependsOn, Prune: r.App.Prune, Suspend: r.App.Suspend, Namespace: r.App.Namespace,
		Timeout: int(r.App.Timeout / time.Second), Blob: r.Ref, Error: r.Err, Reason: r.Reason, Revision: revision.Hash,
		Handling: r.App.Handling, Needs: r.App.Handling.Needs(),
	}
	if last == nil {
		return a
	}
	if r.Err != "" {
		// What else the declaration says may be as broken as what it renders to.
		kept := *last
		kept.Name, kept.Declared, kept.Formerly = a.Name, a.Declared, a.Formerly
		kept.Error, kept.Reason = r.Err, r.Reason
		if r.Kept != nil && kept.Blob != nil {
			kept.Blob = r.Kept
		}
		return kept
	}
	if last.Blob != nil && last.Blob.Digest == a.Blob.Digest {
		a.Revision, a.Blob = last.Revision, last.Blob
	}
	return a
}
