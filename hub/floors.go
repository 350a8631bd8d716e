package hub

import (
	"fmt"
	"log/slog"
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

// numbers is what the hub has learned of generations that it does not remember. The loop alone touches it.
type numbers struct {
	ledger *ledger // only asked
	log    *slog.Logger

	floors     map[string]uint64    // generations that agents are known to have seen
	proven     map[string]uint64    // generations that a hub of the fleet is seen to have published
	overclaims map[string]overclaim // by cluster
}

// overclaim is a generation that an agent reports and that is not believed.
type overclaim struct {
	generation, epoch uint64
	since             time.Time
}

func newNumbers(l *ledger, log *slog.Logger) *numbers {
	return &numbers{ledger: l, log: log, floors: map[string]uint64{}, proven: map[string]uint64{},
		overclaims: map[string]overclaim{}}
}

// credible says whether a generation that somebody names is one that a bundle of the cluster may have.
func credible(generation, known uint64) bool {
	return generation <= protocol.MaxFollowed && (generation <= known || generation-known <= maxLeap)
}

// floor is the generation above which the next one of a cluster has to be.
func (n *numbers) floor(cluster string) uint64 { return n.floors[cluster] }

// raise has the next generation of a cluster be above one.
func (n *numbers) raise(cluster string, generation uint64) {
	n.floors[cluster] = max(n.floors[cluster], generation)
}

// weed drops from what the bus has what cannot be: those bundles are as good as lost. Without its record a cluster's
// generation is taken for no more than maxLeap.
func (n *numbers) weed(has *Holdings) {
	for name, generation := range has.Generations {
		known := n.ledger.of(name).Bundle.Generation
		if has.Proven[name] || credible(generation, known) {
			continue
		}
		n.log.Warn("the generation of a bundle on the bus is not believed: no hub of this fleet is seen to have written it",
			"cluster", name, "generation", generation, "known", known)
		delete(has.Generations, name)
	}
}

// learn takes in what the bus has, and gives the clusters of which it has more than the hub remembers: its store was
// lost or is older than what was published, and the next generation must rise above it.
func (n *numbers) learn(has Holdings) (beyond []string) {
	for name, generation := range has.Generations {
		if has.Proven[name] {
			n.proven[name] = max(n.proven[name], generation)
		}
		known := n.ledger.of(name).Bundle
		if generation > protocol.MaxFollowed || has.Epochs[name] < known.Epoch || generation <= known.Generation {
			continue
		}
		n.raise(name, generation)
		beyond = append(beyond, name)
	}
	return beyond
}

// complete says whether no cluster is known to have seen more than the hub remembers.
func (n *numbers) complete() bool {
	for name, floor := range n.floors {
		if n.ledger.of(name).Bundle.Generation < floor {
			return false
		}
	}
	return true
}

// spent says whether a cluster's own numbers are used up in an epoch. An older release could be led there.
func (n *numbers) spent(name string, epoch uint64) bool {
	b := n.ledger.of(name).Bundle
	return b.Generation > protocol.MaxFollowed && b.Epoch >= epoch
}

// exhausted is a cluster whose numbers are used up in an epoch; "" if there is none.
func (n *numbers) exhausted(epoch uint64) string {
	for name := range n.ledger.all() {
		if n.spent(name, epoch) {
			return name
		}
	}
	return ""
}

// believes says whether the hub follows the generation that an agent reports. What it does not follow is held for a
// person; news says that what is held is not what was before.
func (n *numbers) believes(cluster string, r protocol.Report) (yes, news bool) {
	known := max(n.ledger.of(cluster).Bundle.Generation, n.proven[cluster])
	before, held := n.overclaims[cluster]
	if credible(r.Generation, known) || n.floors[cluster] >= r.Generation {
		delete(n.overclaims, cluster)
		return true, held
	}
	now := overclaim{r.Generation, r.Epoch, before.since}
	if now == before {
		return false, false
	}
	if !held {
		now.since = time.Now()
		n.log.Warn("the agent reports a generation far above what this hub published: it is not followed until a person "+
			"approves", "cluster", cluster, "generation", r.Generation, "known", known)
	}
	n.overclaims[cluster] = now
	return false, true
}

// overclaimed are the holds of generations that are not believed.
func (n *numbers) overclaimed() (out []query.Hold) {
	for _, name := range slices.Sorted(maps.Keys(n.overclaims)) {
		c := n.overclaims[name]
		out = append(out, query.Hold{Kind: protocol.HoldGeneration, Since: c.since, Clusters: []string{name},
			ID: protocol.HoldID(protocol.HoldGeneration, name, fmt.Sprint(c.epoch), fmt.Sprint(c.generation)),
			Reason: fmt.Sprintf("its agent reports generation %d, and this hub published %d: either the hub's data directory is older "+
				"than what the agent has, or its credential is in other hands (`drover cluster revoke %s`); approving publishes above it",
				c.generation, n.ledger.of(name).Bundle.Generation, name)})
	}
	return out
}

// surpass has the next bundle of a cluster take precedence over what its agent reports, as a person has decided: above
// its generation, where the agent is too old to know epochs, else with a new epoch, which advance begins and in which
// the numbers need not rise.
func (n *numbers) surpass(cluster string, advance func() error) error {
	c := n.overclaims[cluster]
	if c.epoch == 0 && c.generation <= protocol.MaxFollowed {
		n.raise(cluster, c.generation)
	} else if err := advance(); err != nil {
		return err
	}
	delete(n.overclaims, cluster)
	return nil
}

// forget is for a cluster that is no longer there.
func (n *numbers) forget(cluster string) { delete(n.floors, cluster) }
