package hub

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/candidate"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

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
	}, Contents: func(cluster, app string, g release.Given) []deletions.Owned {
		out, err := candidate.Owned(s.Resolver.Contents, g)
		if err != nil {
			s.Log.Warn("what an app had cannot be read: its agent reports what it holds", "cluster", cluster, "app", app,
				"err", err)
		}
		return out
	}}
}
