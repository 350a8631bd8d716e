package hub

import (
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// candidateOf is what a resolution would give its cluster, which was given last before.
func candidateOf(res resolve.Resolution, revision protocol.Revision, last protocol.Bundle) release.Candidate {
	c := release.Candidate{
		Bundle: bundleOf(res, revision, last), Refs: map[string][]protocol.ObjectRef{},
		FleetApps: res.FleetApps, FleetGone: res.FleetGone,
		Described: res.Cluster.Described, Unclear: res.Cluster.Unclear, Doubt: res.Doubt != "",
	}
	for _, a := range res.Apps {
		if a.Ref == nil {
			continue
		}
		refs := make([]protocol.ObjectRef, len(a.Refs))
		for i, ref := range a.Refs {
			refs[i] = model.Claimed(ref, a.App.Namespace)
		}
		c.Refs[a.App.Name] = refs
	}
	return c
}

// newGate makes what decides what of a candidate is released.
func newGate(s Settings) release.Gate {
	return release.Gate{Contents: func(cluster, app string, g release.Given) []fleet.Owned {
		objects, err := s.Resolver.Contents(g.Blob)
		if err != nil {
			s.Log.Warn("what an app had cannot be read: its agent reports what it holds", "cluster", cluster, "app", app,
				"err", err)
			return nil
		}
		out := slices.Clone(objects)
		for i := range out {
			out[i].Ref = model.Claimed(out[i].Ref, g.Namespace)
		}
		return out
	}}
}
