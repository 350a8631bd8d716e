package hub

import (
	"context"
	"encoding/json"
	"time"

	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// memoAPIs is where what an API server serves is kept in the store: once for all clusters that serve the same.
const memoAPIs = "apis-"

// apis are what a cluster serves, with its digest: as it reported in this run of the hub, or as its charts were
// rendered for last. Nothing, if that is not known.
func (h *Hub) apis(cluster string) (digest string, list []string) {
	digest = h.records[cluster].APIs
	if c, ok := h.state.Get(cluster); ok && c.Report != nil {
		digest = c.Report.Agent.APIs
	}
	if known, ok := h.served.get(digest); ok {
		h.served.set(cluster, digest, known)
		return digest, known
	}
	if digest == "" {
		return "", nil
	}
	data, err := h.Store.Memo(memoAPIs + digest)
	if err != nil || json.Unmarshal(data, &list) != nil || protocol.APIsDigest(list) != digest {
		return "", nil // the cluster is asked
	}
	h.served.set(cluster, digest, list)
	return digest, list
}

// kubernetes is the version that a cluster reported, in this run of the hub or before its charts were rendered last;
// "" if none is known.
func (h *Hub) kubernetes(cluster string) string {
	if c, ok := h.state.Get(cluster); ok && c.Report != nil && c.Report.Agent.Kubernetes != "" {
		return c.Report.Agent.Kubernetes
	}
	return h.records[cluster].Kubernetes
}

// learn takes in what a cluster says that its API server serves, or asks for it where nobody has said.
func (h *Hub) learn(ctx context.Context, cluster, digest string, list []string) {
	switch known, _ := h.apis(cluster); {
	case digest == "" || known == digest:
	case sizeOf(list) > maxServed:
		h.Log.Warn("the list of what a cluster's API server serves is too long and is not used", "cluster", cluster, "bytes", sizeOf(list), "limit", maxServed)
	case !h.open(): // the hub that acts for the fleet asks
	case protocol.APIsDigest(list) == digest:
		data, err := json.Marshal(list)
		if err != nil {
			panic("hub: a list of texts that is not JSON: " + err.Error()) // plain data: cannot happen
		}
		h.served.set(cluster, digest, list)
		h.served.unsaved[memoAPIs+digest] = data
	default:
		if err := h.Bus.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskAPIs}); err != nil {
			h.Log.Warn("the agent is not asked what its cluster serves; it is at its next report", "cluster", cluster, "err", err)
		}
	}
}

// unheard says whether a cluster serves what this run of the hub has not heard of.
func (h *Hub) unheard(digest string) bool {
	_, known := h.served.get(digest)
	return digest != "" && !known
}

// changed follows a change of a cluster's API server: what it serves, or its version. A cluster that says so again
// and again is followed at a pace, and what it says last is not lost.
func (h *Hub) changed(cluster, digest string, list []string) {
	ok, after := h.served.may(cluster)
	switch {
	case ok:
		h.do(func(ctx context.Context) error {
			h.learn(ctx, cluster, digest, list)
			return h.rerender(ctx, cluster)
		})
	case after > 0:
		h.Log.Warn("a cluster says again and again that its API server has changed; it is followed at a slower pace", "cluster", cluster, "next", after)
		time.AfterFunc(after, func() {
			if c, known := h.state.Get(cluster); known && c.Report != nil {
				h.changed(cluster, c.Report.Agent.APIs, nil)
			}
		})
	}
}

// rerender renders a cluster's charts for what it reported, if they were rendered for something else.
func (h *Hub) rerender(ctx context.Context, cluster string) error {
	res := h.resolved[cluster]
	if res == nil || h.base == nil || !res.Charts() {
		return nil
	}
	if digest, _ := h.apis(cluster); res.Kubernetes == h.kubernetes(cluster) && (!res.AsksAPIs || digest == "" || res.APIs == digest) {
		return nil
	}
	if err := h.resolve(ctx, h.base, cluster, &resolve.Patience{}); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.unreadable(cluster, err)
	}
	_, err := h.publish(ctx, []string{cluster})
	return err
}
