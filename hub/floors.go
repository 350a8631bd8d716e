package hub

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// The number of a bundle has to rise above what the agent has accepted, which a hub that lost its store learns from
// others: from the headers on the bus, and from what agents report. Neither may use the numbers up: a generation is
// believed within a bound, and waits for a person beyond it.

// maxLeap is how far above what the hub knows a generation is believed without a proof. A hub that lost its store knows
// nothing, so it is more than a cluster is given in years.
const maxLeap = 1_000_000

// overclaim is a generation that an agent reports and that is not believed.
type overclaim struct {
	generation, epoch uint64
	since             time.Time
}

// credible says whether a generation that somebody names is one that a bundle of the cluster may have.
func credible(generation, known uint64) bool {
	return generation <= protocol.MaxFollowed && (generation <= known || generation-known <= maxLeap)
}

// weed drops from what the bus has what cannot be: those bundles are as good as lost. Without its record a cluster's
// generation is taken for no more than maxLeap.
func (h *Hub) weed(has *Holdings) {
	for name, generation := range has.Generations {
		known := h.records[name].Bundle.Generation
		if has.Proven[name] || credible(generation, known) {
			continue
		}
		h.Log.Warn("the generation of a bundle on the bus is not believed: no hub of this fleet is seen to have written it",
			"cluster", name, "generation", generation, "known", known)
		delete(has.Generations, name)
	}
}

// spent says whether a cluster's own numbers are used up in this epoch. An older release could be led there.
func (h *Hub) spent(name string) bool {
	b := h.records[name].Bundle
	return b.Generation > protocol.MaxFollowed && b.Epoch >= h.fence.lead.Epoch
}

// believes says whether the hub follows the generation that an agent reports. What it does not follow is held for a
// person.
func (h *Hub) believes(cluster string, r protocol.Report) bool {
	known := max(h.records[cluster].Bundle.Generation, h.proven[cluster])
	before, held := h.overclaims[cluster]
	if credible(r.Generation, known) || h.floors[cluster] >= r.Generation {
		if held {
			delete(h.overclaims, cluster)
			h.showHolds(nil)
		}
		return true
	}
	if now := (overclaim{r.Generation, r.Epoch, before.since}); now != before {
		if !held {
			now.since = time.Now()
			h.Log.Warn("the agent reports a generation far above what this hub published: it is not followed until a person "+
				"approves", "cluster", cluster, "generation", r.Generation, "known", known)
		}
		h.overclaims[cluster] = now
		h.showHolds(nil)
	}
	return false
}

// overclaimed are the holds of generations that are not believed.
func (h *Hub) overclaimed() (out []query.Hold) {
	for _, name := range slices.Sorted(maps.Keys(h.overclaims)) {
		c := h.overclaims[name]
		out = append(out, query.Hold{Kind: protocol.HoldGeneration, Since: c.since, Clusters: []string{name},
			ID: protocol.HoldID(protocol.HoldGeneration, name, fmt.Sprint(c.epoch), fmt.Sprint(c.generation)),
			Reason: fmt.Sprintf("its agent reports generation %d, and this hub published %d: either the hub's data directory is older "+
				"than what the agent has, or its credential is in other hands (`drover cluster revoke %s`); approving publishes above it",
				c.generation, h.records[name].Bundle.Generation, name)})
	}
	return out
}

// surpass publishes above what the agent of a cluster reports, as a person has decided: with a new epoch, in which the
// numbers need not rise, or above its generation, where the agent is too old to know epochs.
func (h *Hub) surpass(cluster string) error {
	c := h.overclaims[cluster]
	if c.epoch == 0 && c.generation <= protocol.MaxFollowed {
		h.floors[cluster] = max(h.floors[cluster], c.generation)
	} else if err := h.newEpoch(); err != nil {
		return err
	}
	delete(h.overclaims, cluster)
	return nil
}

// newEpoch has all that is published from now on go before all that was published so far.
func (h *Hub) newEpoch() error {
	if h.Leads == nil || !h.open() {
		return fmt.Errorf("this hub cannot begin a new epoch: %w", ErrStandsBack)
	}
	lead := h.fence.lead
	if err := h.enact(verdict{state: protocol.HubActive, epoch: max(lead.Epoch, lead.Seen) + 1, newest: lead.Seen}); err != nil {
		return err
	}
	h.delayAll()
	return nil
}

// renumber begins a new epoch where the numbers of a cluster are used up, so that it can be published for.
func (h *Hub) renumber(ctx context.Context) error {
	if h.Leads == nil || !h.open() {
		return nil
	}
	for name := range h.records {
		if h.spent(name) {
			h.Log.Warn("the generations of a cluster are used up: they begin again in a new epoch", "cluster", name,
				"generation", h.records[name].Bundle.Generation, "epoch", h.fence.lead.Epoch)
			if err := h.newEpoch(); err != nil {
				return err
			}
			return h.catchUp(ctx)
		}
	}
	return nil
}
