package hub

import (
	"log/slog"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// asksTheSame says whether a bundle need not be published, because prev asked for the same. A doubt about files that
// concern many clusters is not worth a generation of its own: it is published with what changes next, or where the hub
// does not remember what it published.
func asksTheSame(b, prev protocol.Bundle, digest string, res *resolve.Resolution) bool {
	b = settled(res, b, prev)
	if b.Digest() == digest {
		return true
	}
	if res == nil || res.Doubt == "" || len(res.Cluster.Problems) > 0 && prev.Incomplete == "" {
		return false
	}
	b.Incomplete, prev.Incomplete = "", ""
	return b.Digest() == prev.Digest()
}

func find(apps []protocol.App, name string) *protocol.App {
	for i := range apps {
		if apps[i].Name == name {
			return &apps[i]
		}
	}
	return nil
}

// next is the record that follows prev when b is published.
func next(prev Record, b protocol.Bundle, floor uint64, now time.Time) Record {
	last := prev.Bundle.Generation
	if last > protocol.MaxFollowed && b.Epoch > prev.Bundle.Epoch {
		last = 0 // the numbers were used up, see Hub.spent
	}
	b.Generation = max(last, floor) + 1
	r := prev
	r.Bundle, r.Digest, r.Time, r.Retired = b, b.Digest(), now, retire(prev, b)
	if prev.Bundle.Generation > 0 {
		r.History = append([]Past{{prev.Bundle.Generation, prev.Bundle.Revision, prev.Time, prev.Digest}}, prev.History...)
		r.History = r.History[:min(len(r.History), MaxHistory)]
	}
	return r
}

// warnOfImage logs what is to be said of the agent's image that a cluster is told to run from now on.
func warnOfImage(log *slog.Logger, cluster string, res *resolve.Resolution) {
	if res == nil {
		return
	}
	for _, n := range res.Cluster.Notes {
		if n.Field == model.FieldAgentImage {
			log.Warn("the agent's image is named by a tag", "cluster", cluster, "note", n.String())
		}
	}
}

// settled is a resolution's bundle as if what is being rendered, and all that depends on it, was as in prev: that a
// render takes long is not worth a generation of its own.
func settled(r *resolve.Resolution, b, prev protocol.Bundle) protocol.Bundle {
	if r == nil || !r.Pending() {
		return b
	}
	if r.Planning && len(r.Cluster.Problems) == 1 {
		b.Incomplete = prev.Incomplete
	}
	var apps []protocol.App
	for _, a := range b.Apps {
		i := slices.IndexFunc(r.Apps, func(x resolve.AppResult) bool { return x.App.Name == a.Name })
		last := find(prev.Apps, a.Name)
		switch {
		case i >= 0 && !r.Apps[i].Pending:
			apps = append(apps, a)
		case last != nil:
			apps = append(apps, *last)
		}
	}
	b.Apps = apps
	return b
}
