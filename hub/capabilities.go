package hub

import (
	"context"
	"encoding/json"

	"github.com/drover-dev/drover/protocol"
)

// memoAPIs is where what an API server serves is kept in the store: once for all clusters that serve the same.
const memoAPIs = "apis-"

// apis are what a cluster serves, with its digest: as it reported in this run of the hub, or as its charts were rendered for last. Nothing, if
// that is not known.
func (h *Hub) apis(cluster string) (digest string, list []string) {
	digest = h.records[cluster].APIs
	if c, ok := h.state.Get(cluster); ok && c.Report != nil {
		digest = c.Report.Agent.APIs
	}
	if known, ok := h.served.Load(digest); ok {
		return digest, known.([]string)
	}
	if digest == "" {
		return "", nil
	}
	data, err := h.Store.Memo(memoAPIs + digest)
	if err != nil || json.Unmarshal(data, &list) != nil || protocol.APIsDigest(list) != digest {
		return "", nil // the cluster is asked
	}
	h.served.Store(digest, list)
	return digest, list
}

// learn takes in what a cluster says that its API server serves, or asks for it where nobody has said.
func (h *Hub) learn(ctx context.Context, cluster, digest string, list []string) {
	switch known, _ := h.apis(cluster); {
	case digest == "" || known == digest:
	case !h.open(): // the hub that acts for the fleet asks
	case protocol.APIsDigest(list) == digest:
		data, err := json.Marshal(list)
		if err != nil {
			panic("hub: a list of texts that is not JSON: " + err.Error()) // plain data: cannot happen
		}
		h.served.Store(digest, list)
		h.Resolver.memo.note(memoAPIs+digest, data)
	default:
		if err := h.Bus.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskAPIs}); err != nil {
			h.Log.Warn("the agent is not asked what its cluster serves; it is at its next report", "cluster", cluster, "err", err)
		}
	}
}

// unheard says whether a cluster serves what this run of the hub has not heard of.
func (h *Hub) unheard(digest string) bool {
	_, known := h.served.Load(digest)
	return digest != "" && !known
}

// rerender renders a cluster's charts for what it reported, if they were rendered for something else.
func (h *Hub) rerender(ctx context.Context, cluster string) error {
	res := h.resolved[cluster]
	if res == nil || h.base == nil || !res.charts() {
		return nil
	}
	if digest, _ := h.apis(cluster); res.kubernetes == h.kubernetes(cluster) && (!res.asksAPIs || digest == "" || res.apis == digest) {
		return nil
	}
	if err := h.resolve(ctx, h.base, cluster); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.unreadable(cluster, err)
	}
	_, err := h.publish(ctx, []string{cluster})
	return err
}
