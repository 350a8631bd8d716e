package hub

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/protocol"
)

// What follows joins the fence, the numbers and what the bus has: what the hub may publish, above which numbers, and
// what the bus lacks.

// convene asks which other hubs there are, see fence.convene.
func (p *publisher) convene(ctx context.Context, has *Holdings) error {
	began, err := p.fence.convene(ctx, has, p.fresh.stale)
	if began {
		p.delayAll()
	}
	return err
}

// compete decides whether this hub publishes, now that it is known what the bus has, and gives what the bus has then:
// a hub that begins to publish makes what is missing there.
func (p *publisher) compete(ctx context.Context, has Holdings) (Holdings, error) {
	acted := p.fence.open()
	err := p.convene(ctx, &has)
	if err == nil && p.fence.open() && !acted {
		has, err = p.bus.Holdings(ctx)
	}
	p.fresh.onBus(has.Revisions)
	if err == nil && p.plans.base != nil {
		err = p.fresh.inspect(ctx, p.plans.base)
	}
	return has, err
}

// reconcile brings back what the bus has lost, and learns what it has that the hub has forgotten.
func (p *publisher) reconcile(ctx context.Context) error {
	has, err := p.bus.Holdings(ctx)
	if err != nil {
		return err
	}
	if has, err = p.compete(ctx, has); err != nil {
		return err
	}
	p.numbers.weed(&has)
	p.outgoing.compare(has)
	for _, name := range p.numbers.learn(has) {
		if _, err := p.fresh.vouch(ctx, p.plans.base, name, has.Revisions[name]); err != nil {
			return err
		}
	}
	var names []string
	if p.plans.listing != nil {
		names = append(slices.Clone(p.plans.listing.names), p.departures.released()...)
	}
	if _, err = p.publish(ctx, names); err != nil {
		return err
	}
	return errors.Join(p.renumber(ctx), p.catchUp(ctx))
}

// advance has all that is published from now on take precedence over all that was published so far.
func (p *publisher) advance() error {
	if err := p.fence.advance(p.fresh.stale); err != nil {
		return err
	}
	p.delayAll()
	return nil
}

// renumber begins a new epoch where the numbers of a cluster are used up, so that it can be published for.
func (p *publisher) renumber(ctx context.Context) error {
	if p.fence.leads == nil || !p.fence.open() {
		return nil
	}
	name := p.numbers.exhausted(p.fence.epoch())
	if name == "" {
		return nil
	}
	p.log.Warn("the generations of a cluster are used up: they begin again in a new epoch", "cluster", name,
		"generation", p.ledger.of(name).Bundle.Generation, "epoch", p.fence.epoch())
	if err := p.advance(); err != nil {
		return err
	}
	return p.catchUp(ctx)
}

// expect has agents say whether the store of a hub that takes the fleet over is older than the fleet.
func (x *rolling) expect(f *fence) {
	if f.lead.Claim || !f.known {
		rollouts.Expect(x.driver, x, slices.Collect(maps.Keys(x.ledger.all())), f.epoch)
	}
}

// delayAll has every cluster looked at when something may be published again.
func (p *publisher) delayAll() {
	p.fresh.later(p.plans.known())
	p.fresh.later(p.departures.released())
}

// alien takes in the epoch that a cluster's agent reports. A newer one than this hub's keeps it from publishing for
// that cluster, and for no other: an agent's word must not stop the fleet.
func (p *publisher) alien(ctx context.Context, cluster string, epoch uint64) error {
	fits, rises, news, err := p.fence.heard(cluster, epoch, p.fresh.stale)
	switch {
	case fits:
		return p.catchUp(ctx)
	case rises:
		p.delayAll()
		return errors.Join(err, p.catchUp(ctx))
	case news:
		p.fresh.withhold(cluster)
	}
	return nil
}

// check takes in what an agent has accepted: an epoch and a commit that this hub may not know.
func (p *publisher) check(ctx context.Context, cluster string, r protocol.Report) error {
	if err := p.alien(ctx, cluster, r.Epoch); err != nil {
		return err
	}
	was := p.fresh.doubts(cluster)
	ok, err := p.fresh.vouch(ctx, p.plans.base, cluster, r.Revision.Hash)
	if err != nil || !ok || !was {
		return err
	}
	return p.catchUp(ctx)
}

// overtake gives a cluster a generation above the one that its agent has accepted. It is needed after the hub's store
// was lost or restored from an older state: the agent rightly refuses to go back. It waits as long as it is this hub
// that may be behind: see freshness.barred.
func (p *publisher) overtake(ctx context.Context, cluster string, r protocol.Report) error {
	known := p.ledger.of(cluster)
	believed, news := p.numbers.believes(cluster, r)
	if news {
		p.showHolds(nil)
	}
	if !believed || r.Epoch > 0 && r.Epoch < known.Bundle.Epoch {
		return nil // it is held for a person, or ours takes precedence whatever its number
	}
	if r.Generation < known.Bundle.Generation || r.Generation == known.Bundle.Generation && r.Digest == known.Digest {
		return nil // published meanwhile
	}
	p.numbers.raise(cluster, r.Generation)
	if p.fresh.barred(cluster) != nil {
		p.fresh.delay(cluster)
		return nil
	}
	if known.Bundle.Generation > 0 {
		p.log.Warn("the agent has accepted what this hub does not remember: the next generation rises above it",
			"cluster", cluster, "generation", r.Generation, "known", known.Bundle.Generation)
	}
	_, err := p.publish(ctx, []string{cluster})
	return err
}
