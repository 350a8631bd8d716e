package hub

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	c.Declared = declarations(res)
	return c
}

// declarations says how the apps are declared that a person releases, and those below them.
func declarations(res resolve.Resolution) map[string]release.Declaration {
	at := make(map[string]int, len(res.Apps))
	manual := false
	for i, a := range res.Apps {
		at[a.App.Name] = i
		manual = manual || a.App.Manual != ""
	}
	if !manual {
		return nil
	}
	below := func(a model.App) bool {
		for range res.Apps {
			parent, declared := at[a.Parent]
			if a.Manual != "" || !declared {
				break
			}
			a = res.Apps[parent].App
		}
		return a.Manual != ""
	}
	out := map[string]release.Declaration{}
	for _, a := range res.Apps {
		if below(a.App) {
			out[a.App.Name] = release.Declaration{Manual: a.App.Manual, Spec: specOf(a.App), Declares: cmp.Or(a.Declares, "-")}
		}
	}
	return out
}

// specOf is a digest of how an app is declared: what it delivers, and how, and not where that is written.
func specOf(a model.App) string {
	a.File, a.DependsAt, a.Absent, a.Notes, a.Err = "", "", nil, nil, ""
	data, err := json.Marshal(a)
	if err != nil {
		panic("hub: an app that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// newGate makes what decides what of a candidate is released.
func newGate(s Settings) release.Gate {
	return release.Gate{Texts: func(cluster, app string, g release.Given) map[protocol.ObjectRef]string {
		objects, err := s.Resolver.Objects(g.Blob)
		if err != nil {
			s.Log.Warn("what an app had cannot be read: in what its newer content differs is not told", "cluster", cluster,
				"app", app, "err", err)
			return nil
		}
		out := make(map[protocol.ObjectRef]string, len(objects))
		for _, o := range objects {
			var m map[string]any
			if json.Unmarshal(o.JSON, &m) == nil {
				sum := sha256.Sum256(o.JSON)
				out[model.Claimed(fleet.RefOf(m), g.Namespace)] = string(sum[:])
			}
		}
		return out
	}, Contents: func(cluster, app string, g release.Given) []fleet.Owned {
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
