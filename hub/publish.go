package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/candidate"
	"github.com/drover-dev/drover/hub/contents"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/naming"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/protocol"
)

// publisher gives clusters what the gate releases: it remembers it, and then sends it. It alone writes the ledger. The
// loop alone touches it and its parts.
type publisher struct {
	store      Store
	bus        Bus
	resolver   Resolving
	identities Identities
	trust      *protocol.Trust
	state      *State
	log        *slog.Logger
	overdue    *overdue

	ledger       *ledger
	plans        *plans        // only asked
	capabilities *capabilities // only asked
	releasing    releasing     // decides what of a candidate is released
	fence        *fence        // whether this hub publishes
	fresh        *freshness    // whether what it would publish is Git's word
	numbers      *numbers      // of generations that others know of
	departures   *departures   // clusters whose folders are gone
	approvals    *approvals    // held deletions, and decisions of people
	outgoing     *outgoing     // what the bus has, and lacks
	collector    *collector    // what nothing needs any more
}

// releasing decides what of a candidate is released.
type releasing struct {
	rolling *rolling // what policies hold back
	gate    release.Gate
	losses  *losses // how many clusters one commit takes much from
}

// facts are what the gate has to know of a cluster beside its candidate.
func (x releasing) facts(cluster string, report *protocol.Report) release.Facts {
	f, budget := x.losses.facts(report), rollouts.BudgetOf(x.rolling.driver)
	f.Limits = func(app string) deletions.Limits { return budget.Limits(cluster, app) }
	f.Reviewed = func(app string) string { return x.rolling.reviewed(cluster, app) }
	return f
}

func newPublisher(s Settings, state *State, l *ledger, plans *plans, c *capabilities, o *overdue, holds []query.Hold,
	do func(func(context.Context) error)) (*publisher, error) {
	p := &publisher{store: s.Store, bus: s.Bus, resolver: s.Resolver, identities: s.Identities, trust: s.Trust,
		state: state, log: s.Log, overdue: o, ledger: l, plans: plans, capabilities: c,
		releasing: releasing{gate: newGate(s), losses: newLosses(l)}, numbers: newNumbers(l, s.Log),
		outgoing: newOutgoing(s, l)}
	p.departures = newDepartures(s, state, l, holds)
	p.approvals = newApprovals(s, state, l, p.departures)
	p.collector = newCollector(s, state, p.outgoing, func() { do(p.tidy) })
	var err error
	if p.releasing.rolling, err = newRolling(s, state, plans, l); err != nil {
		return nil, fmt.Errorf("read the hub's store: %w", err)
	}
	p.recall()
	if p.fence, err = newFence(s, state, len(l.all()) > 0); err != nil {
		return nil, err
	}
	p.fresh = newFreshness(s, state, p.fence, l)
	return p, nil
}

// publish gives clusters a new generation where what they are to run has changed, remembers it, and
// sends whatever the bus has yet to take. It says how many bundles that were.
func (p *publisher) publish(ctx context.Context, names []string) (int, error) {
	if err := p.save(names); err != nil {
		return 0, err
	}
	p.show(names)
	return p.send(ctx)
}

// save remembers what clusters need next, with everything else that is not stored yet.
func (p *publisher) save(names []string) error {
	batch := Batch{Records: map[string]Record{}}
	names = slices.DeleteFunc(slices.Clone(names), p.plans.patient)
	for _, name := range names {
		delete(p.fresh.delayed, name)
		if r, changed := p.plan(name); changed {
			batch.Records[name] = r
		}
	}
	batch.Holds = p.departures.unsaved()
	saved := false
	err := p.resolver.Flush(func(rendered resolve.Unsaved) error {
		batch.Memos, batch.Blobs = p.capabilities.served.With(rendered.Memos), rendered.Blobs
		if saved = !batch.empty(); !saved {
			return nil
		}
		return p.store.Save(batch)
	})
	if err != nil || !saved {
		return err
	}
	p.capabilities.served.Saved()
	p.departures.saved()
	for _, name := range names {
		if !p.fresh.delayed[name] { // else what was approved is for the bundle that was put off
			p.approvals.settled(name)
		}
	}
	held := false
	for name, r := range batch.Records {
		if r.Bundle.Generation > p.ledger.of(name).Bundle.Generation {
			p.outgoing.resend(name)
		}
		held = p.approvals.note(name, p.ledger.of(name), r) || held
		p.ledger.put(name, r)
		rollouts.Touch(p.releasing.rolling.driver, name)
	}
	if held {
		p.showHolds(nil)
	}
	return nil
}

// plan is the record that a cluster needs next, if it needs one. A new generation is only for a cluster whose agent has
// a credential.
func (p *publisher) plan(name string) (Record, bool) {
	prev := p.ledger.of(name)
	res, known, report, moved := naming.Named(p.plans.of(name), prev.released(), p.state.report(name))
	prev = prev.with(known)
	r := prev
	r.Released = p.departures.since(name)
	changed := !r.Released.Equal(prev.Released)
	approved := p.approvals.decision(name)
	if approved != nil {
		r.Deletions.Remember(approved.Approval)
		changed = true
	}
	_, joined := p.identities.OpenKey(name)
	var c release.Candidate
	switch {
	case res != nil && joined:
		if !res.Cluster.Unclear && r.PruneOnRemove != res.Cluster.PruneOnRemove {
			r.PruneOnRemove, changed = res.Cluster.PruneOnRemove, true
		}
		if res.Charts() && r.Kubernetes != res.Kubernetes {
			r.Kubernetes, changed = res.Kubernetes, true
		}
		if res.AsksAPIs && r.APIs != res.APIs {
			r.APIs, changed = res.APIs, true
		}
		c = candidate.Of(*res, p.plans.revision, prev.Bundle)
		p.releasing.rolling.stage(&c, res.Cluster.Labels, prev.Bundle)
	case p.departures.pruning(name):
		c = release.Emptied(prev.Bundle, p.plans.revision)
	default:
		return r, changed
	}
	c.Bundle.Trust, c.Bundle.ClusterUID, c.Bundle.Deletions = p.trust, p.identities.Place(name), prev.Bundle.Deletions
	c.Bundle.Epoch = p.fence.epoch()
	floor := p.numbers.floor(name)
	same := func(b protocol.Bundle) bool {
		return !moved && prev.Bundle.Generation > floor && prev.Bundle.Epoch == b.Epoch && asksTheSame(b, prev.Bundle,
			prev.Digest, res)
	}
	if approved == nil && c.Bundle.Deletions != nil && r.Waiting.Settled(c) && same(c.Bundle) {
		return r, r.Deletions.Note(c) || changed
	}
	out := p.releasing.gate.Release(time.Now(), c, r.released(), p.releasing.facts(name, report), approved)
	p.fresh.hold(name, out.Wake)
	if out.Collect {
		p.releasing.losses.wait(name)
		return prev, false
	}
	r.Deletions, r.Waiting = out.Released.Deletions, out.Released.Waiting
	b := out.Released.Bundle
	if same(b) {
		return r, true
	}
	// what it would permit is worked out again then
	if p.numbers.spent(name, p.fence.epoch()) || p.fresh.delays(name, b.Revision.Hash) {
		r.Deletions, r.Waiting = prev.Deletions, prev.Waiting
		return r, changed
	}
	if b.AgentImage != prev.Bundle.AgentImage {
		warnOfImage(p.log, name, res)
	}
	return next(r, b, floor, time.Now()), true
}

// send gives the bus what it has yet to take.
func (p *publisher) send(ctx context.Context) (int, error) {
	blobs, bundles := p.outgoing.pending(func(cluster string) bool { return p.fresh.barred(cluster) != nil })
	if len(bundles) == 0 {
		return 0, nil
	}
	bundles, err := p.collector.share(ctx, p, blobs, bundles)
	for _, d := range bundles {
		p.overdue.check(p.state, d.Cluster, false)
	}
	return len(bundles), err
}

// show brings the state of clusters up to date.
func (p *publisher) show(names []string) {
	p.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range names {
			c := x.Edit(name)
			introduce(p.identities, c)
			r := p.ledger.of(name)
			res, known, _, _ := naming.Named(p.plans.of(name), r.released(), c.Report)
			r = r.with(known)
			c.Released, c.Pruning, c.Approved = p.departures.since(name), prunes(r, c.Joined), r.Deletions.Lately()
			if res != nil {
				c.Problems, c.Notes = res.Cluster.Problems, res.Notes()
				if p.plans.reading[name] {
					c.Problems = append(slices.Clone(c.Problems), query.FolderBuilding)
				}
				if !res.Cluster.Unclear {
					c.Labels, c.Suspended = res.Cluster.Labels, res.Cluster.Suspend
				}
				if r.Bundle.Generation == 0 {
					r.Bundle = candidate.Bundle(*res, p.plans.revision, protocol.Bundle{})
				}
				c.Desired.Apps = contents.Pending(res, p.state.contents.Wanted(r.Bundle, res.Cluster.Apps))
				p.state.learn(res.Cluster.Apps)
			} else if c.Pruning {
				c.Desired.Apps = nil
			}
			c.Desired.Generation, c.Desired.Digest, c.Desired.Published = r.Bundle.Generation, r.Digest, r.Time
		}
	})
}

// recall shows what is remembered, before the first revision is seen.
func (p *publisher) recall() {
	p.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range p.identities.Clusters() {
			introduce(p.identities, x.Edit(name))
		}
		for name, r := range p.ledger.all() {
			for _, a := range r.Bundle.Apps {
				p.state.shown.Learn(a.Declared)
			}
			c := x.Edit(name)
			introduce(p.identities, c)
			c.Approved = r.Deletions.Lately()
			if !r.Released.IsZero() {
				c.Released, c.Pruning = r.Released, prunes(r, c.Joined)
			}
			c.Desired = query.Desired{Generation: r.Bundle.Generation, Digest: r.Digest, Revision: r.Bundle.Revision,
				Published: r.Time, Apps: p.state.contents.Wanted(r.Bundle, nil)}
		}
	})
	p.showHolds(nil)
}

// showHolds brings what is shown of holds up to date, see approvals.show.
func (p *publisher) showHolds(names []string) { p.approvals.show(names, p.numbers.overclaimed()) }

// depart takes in which clusters have lost their folder since the last revision, or since what the hub knew when it
// started; release.Leaving decides which of them are released, and which are held until a person approves.
//
// While nothing may be published this waits: the hub may see an older state of Git than another hub has published.
func (p *publisher) depart(ctx context.Context) error {
	waited, waits := p.fresh.depart()
	if waits {
		return nil
	}
	first := p.plans.base == nil || waited
	listed := p.plans.listing.names
	if ended, news := p.departures.welcome(listed); news {
		p.showHolds(ended)
	}
	p.cutOff()
	gone, before := p.departures.gone(listed)
	if !p.plans.listing.sure {
		gone = nil // one of them may have a folder of which it is not known which cluster it is for
	}
	names, held := release.Leaving(gone, first, before, p.empties)
	if why := p.plans.reviewed; len(held) > 0 && why != "" && !first &&
		!slices.ContainsFunc(held, rollouts.BudgetOf(p.releasing.rolling.driver).Closed) {
		p.log.Info("the folders of clusters are gone, and that is meant", "clusters", held, "why", why)
		names, held = slices.Sorted(slices.Values(append(names, held...))), nil
	}
	if len(held) > 0 {
		p.plans.forget(held...)
		p.departures.hold(held, p.plans.revision)
		p.showHolds(held)
	}
	if len(names) == 0 && p.departures.unsaved() == nil {
		return nil
	}
	names = p.leave(names)
	if err := p.save(names); err != nil {
		return err
	}
	p.showHolds(nil)
	p.show(names)
	p.cutOff()
	_, err := p.send(ctx)
	return err
}

// empties says whether a cluster whose folder is gone would be pruned, and the guard of deletions holds that.
func (p *publisher) empties(name string) bool {
	r := p.ledger.of(name)
	return p.departures.prunable(name) && p.releasing.gate.Empties(release.Emptied(r.Bundle, p.plans.revision),
		r.released(), p.releasing.facts(name, nil))
}

// leave notes that clusters have no folder any more, see departures.leave.
func (p *publisher) leave(names []string) (remembered []string) {
	for _, name := range names {
		p.releasing.rolling.driver.Leave(name)
	}
	p.plans.forget(names...)
	return p.departures.leave(names)
}

// cutOff revokes the credentials of clusters that have left, see departures.cutOff.
func (p *publisher) cutOff() {
	if p.fresh.fromAll() == nil {
		p.show(p.departures.cutOff())
	}
}

// catchUp gives clusters their generation that was put off, where that is over.
func (p *publisher) catchUp(ctx context.Context) error {
	if p.fresh.departing && p.plans.listing != nil && p.fresh.fromAll() == nil {
		if err := p.depart(ctx); err != nil {
			return err
		}
	}
	names := p.fresh.ready()
	if len(names) == 0 && (!p.outgoing.waits() || p.fresh.fromAll() != nil) {
		return nil
	}
	_, err := p.publish(ctx, names)
	return err
}

// forget takes a cluster out of all that is remembered.
func (p *publisher) forget(name string) error {
	if err := p.store.Save(Batch{Forget: []string{name}}); err != nil {
		return err
	}
	p.ledger.drop(name)
	p.departures.forget(name)
	p.approvals.forget(name)
	p.numbers.forget(name)
	p.outgoing.forget(name)
	p.releasing.rolling.driver.Leave(name)
	p.capabilities.served.Forget(name)
	p.state.edit(func(x *query.Index, _ *SourceStatus) { x.Remove(name) })
	return nil
}

// put gives the bus blobs and bundles, and says whether it did: if the bus was away, another hub may have begun to
// publish.
func (p *publisher) put(ctx context.Context, blobs []model.Packed, bundles []Delivery) (bool, error) {
	err := p.bus.Put(ctx, blobs, bundles)
	if !errors.Is(err, ErrUnmet) {
		return err == nil, err
	}
	if err := p.convene(ctx, nil); err != nil || !p.fence.open() {
		return false, err
	}
	err = p.bus.Put(ctx, blobs, bundles)
	return err == nil, err
}

// collect removes what nothing needs, see collector.collect.
func (p *publisher) collect(ctx context.Context, grace time.Duration) {
	if p.plans.base == nil {
		return // what is in use is known after the first revision
	}
	n := needs{bus: p.fence.open() && p.numbers.complete()}
	n.newest, n.named = p.outgoing.named()
	p.releasing.rolling.driver.Blobs(n.named)
	n.stored = maps.Clone(n.named)
	p.plans.blobs(n.stored)
	p.state.contents.Keep(n.stored)
	lists, kept := p.capabilities.inUse(), p.resolver.Sweep(p.plans.resolved, n.stored)
	n.memo = func(key string) bool {
		digest, ok := strings.CutPrefix(key, memoAPIs)
		return ok && lists[digest] || kept[key]
	}
	p.collector.collect(ctx, n, grace)
}

// tidy collects when that is due, and tries a full bus again.
func (p *publisher) tidy(ctx context.Context) error {
	p.collector.begun()
	p.collect(ctx, p.collector.grace)
	if !p.collector.full {
		return nil
	}
	_, err := p.send(ctx)
	return err
}
