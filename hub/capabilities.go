package hub

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/drover-dev/drover/hub/batch"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/hub/serving"
	"github.com/drover-dev/drover/protocol"
)

// memoAPIs is where what an API server serves is kept in the store: once for all clusters that serve the same.
const memoAPIs = "apis-"

// capabilities knows the versions of the clusters' API servers and what they serve.
type capabilities struct {
	store  resolve.Memos
	bus    Agents
	state  *State
	ledger *ledger // only asked
	log    *slog.Logger
	served *serving.Lists
	news   batch.Batch[served] // that the loop has yet to take in
}

// served is what a cluster says that its API server serves: the digest, and the list if it gave it.
type served struct {
	digest string
	list   []string
}

func newCapabilities(s Settings, state *State, l *ledger) *capabilities {
	return &capabilities{store: s.Store, bus: s.Bus, state: state, ledger: l, log: s.Log,
		served: serving.New()}
}

// kubernetes is the version that a cluster reported, in this run of the hub or before its charts were rendered last; ""
// if none is known.
func (c *capabilities) kubernetes(cluster string) string {
	if r := c.state.report(cluster); r != nil && r.Agent.Kubernetes != "" {
		return r.Agent.Kubernetes
	}
	return c.ledger.of(cluster).Kubernetes
}

// apis are what a cluster serves, with its digest: as it reported in this run of the hub, or as its charts were
// rendered for last. Nothing, if that is not known.
func (c *capabilities) apis(cluster string) (digest string, list []string) {
	digest = c.ledger.of(cluster).APIs
	if r := c.state.report(cluster); r != nil {
		digest = r.Agent.APIs
	}
	if known, ok := c.served.Get(digest); ok {
		c.served.Set(cluster, digest, known)
		return digest, known
	}
	if digest == "" {
		return "", nil
	}
	data, err := c.store.Memo(memoAPIs + digest)
	if err != nil || json.Unmarshal(data, &list) != nil || protocol.APIsDigest(list) != digest {
		return "", nil // the cluster is asked
	}
	c.served.Set(cluster, digest, list)
	return digest, list
}

// learn takes in what a cluster says that its API server serves, or asks for it where nobody has said. acts says
// whether this hub acts for the fleet.
func (c *capabilities) learn(ctx context.Context, cluster, digest string, list []string, acts bool) {
	switch known, _ := c.apis(cluster); {
	case digest == "" || known == digest:
	case serving.SizeOf(list) > serving.MaxList:
		c.log.Warn("the list of what a cluster's API server serves is too long and is not used", "cluster", cluster,
			"bytes", serving.SizeOf(list), "limit", serving.MaxList)
	case !acts: // the hub that acts for the fleet asks
	case protocol.APIsDigest(list) == digest:
		data, err := json.Marshal(list)
		if err != nil {
			panic("hub: a list of texts that is not JSON: " + err.Error()) // plain data: cannot happen
		}
		c.served.Set(cluster, digest, list)
		c.served.Add(memoAPIs+digest, data)
	default:
		err := c.bus.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskAPIs})
		if err != nil {
			c.log.Warn("the agent is not asked what its cluster serves; it is at its next report", "cluster", cluster,
				"err", err)
		}
	}
}

// unheard says whether a cluster serves what this run of the hub has not heard of.
func (c *capabilities) unheard(digest string) bool {
	_, known := c.served.Get(digest)
	return digest != "" && !known
}

// outdated says whether a cluster's charts were rendered for something else than it reported.
func (c *capabilities) outdated(cluster string, res *resolve.Resolution) bool {
	if !res.Charts() {
		return false
	}
	digest, _ := c.apis(cluster)
	return res.Kubernetes != c.kubernetes(cluster) || res.AsksAPIs && digest != "" && res.APIs != digest
}

// inUse are the digests of what the clusters' API servers serve.
func (c *capabilities) inUse() map[string]bool {
	out := c.served.Digests()
	for _, r := range c.ledger.all() {
		out[r.APIs] = true
	}
	return out
}
