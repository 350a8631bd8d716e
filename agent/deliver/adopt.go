package deliver

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/blobs"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

const (
	// gatherTime is how long a bundle waits for all its blobs, so that an object that moves between apps is seen to.
	gatherTime = 3 * time.Second
	// parallelBlobs is how many blobs are fetched at once.
	parallelBlobs = 8
)

// adopt puts an accepted bundle into force: the flags at once, the blobs as they come.
func (s *session) adopt(ctx context.Context, b protocol.Bundle, since time.Time) {
	changed := s.take(b, func(a *app, f func()) {
		s.start(a)
		a.do(f)
	})
	s.version.Reconsider()
	s.watches.Rejudge()
	plans, missing := s.gather(ctx, changed, b.Generation, since)
	for a, err := range missing {
		a.do(func() { a.obtain(b.Generation, err) })
	}
	s.board.Deliver(plans)
	for a, p := range plans {
		a.do(func() { a.deliverTo(p) })
	}
	s.tellAll((*app).kick)
}

// deliverTo has a plan be the app's next.
func (a *app) deliverTo(p *plan.Plan) {
	a.next, a.took = p, true
	a.arrived()
	if a.env.outdated(p) {
		a.remake()
	}
}

// take puts the flags of a bundle into force, and gives the apps that need another blob. What it asks of all apps is
// known before any of them does it. tell has an app do something.
func (s *session) take(b protocol.Bundle, tell func(*app, func())) (changed []*app) {
	acc := orders.Accepted{Digest: b.Digest(), Epoch: b.Epoch, Floor: b.Generation, Known: true}
	acc.Bundle = orders.WithKnownFlags(b, s.inForce())
	s.who.Reach(b.Epoch)
	all := orders.Of(b, s.board.Orders())
	list, seq := s.board.Command(acc, all, s.newApp)
	for _, a := range list {
		o := all[a.name]
		tell(a, func() {
			if a.obey(acc, seq, o) {
				changed = append(changed, a)
			}
		})
	}
	s.stopUnusedInputs(all)
	s.moved.Announce()
	return changed
}

// obey takes what a bundle asks of the app, and says whether the app needs another blob.
func (a *app) obey(acc orders.Accepted, seq uint64, o orders.Order) (changed bool) {
	a.accepted, a.seq = acc, seq
	switch {
	case o.Kept:
		a.spec = o.Spec
	case o.Leaving:
		if o.Spec.Orphan && !a.spec.Orphan {
			a.dirty = true
		}
		a.leave(o)
	default:
		changed = a.take(o)
	}
	a.blocked = o.Blocked
	a.entitle()
	return changed
}

// take puts the flags of a spec into force, and says whether the app needs another blob.
func (a *app) take(o orders.Order) (changed bool) {
	spec := o.Spec
	a.fetch.stop()
	if o.Unfit != "" { // what was understood before stays in force
		a.spec, a.leaving, a.next, a.fetching, a.unfit = spec, false, nil, "", fact(protocol.ReasonAgentTooOld, o.Unfit)
		return false
	}
	if a.spec.ServiceAccount != spec.ServiceAccount { // what one may not do, another may
		for _, o := range a.own {
			if o.trouble != nil {
				o.trouble.next = time.Time{}
			}
		}
	}
	a.spec, a.leaving, a.fetching, a.unfit, a.last = spec, false, "", fleet.Fact{}, nil
	if spec.Blob == nil {
		a.next = nil
		return false
	}
	if !a.plan.Same(spec) || a.hooks.Run != nil && (!a.plan.DeliveredBy(a.hooks.Run) || a.hooks.Run.Ahead()) { // or what came since was begun, so that going back is another delivery
		a.lacks = ""
		return !a.next.Same(spec)
	}
	a.next = nil
	was := a.settings.App
	was.Revision = spec.Revision
	a.handle(spec)
	a.dirty = a.dirty || !sameFlags(was, spec)
	return false
}

// sameFlags says whether two specs differ in nothing that must be stored with the app.
func sameFlags(a, b protocol.App) bool {
	return a.Declared == b.Declared && slices.Equal(a.Formerly, b.Formerly) && a.Prune == b.Prune && a.Suspend == b.Suspend && a.Timeout == b.Timeout && slices.Equal(a.DependsOn, b.DependsOn) &&
		reflect.DeepEqual(a.Handling, b.Handling)
}

// leave is for an app that a complete bundle no longer has.
func (a *app) leave(o orders.Order) {
	if a.plan.Has(false, fleet.PreDelete, fleet.PostDelete) {
		a.last = a.plan
	}
	a.leaving, a.next, a.plan, a.lasts, a.was, a.clashes = true, nil, nil, nil, nil, nil
	a.spec, a.fetching, a.unfit, a.waits = o.Spec, "", fact(protocol.ReasonAgentTooOld, o.Unfit), ""
	for _, o := range a.own {
		o.want = nil
	}
	a.excuse()
}

// gather fetches and indexes the blobs of apps together. What does not come in time, or at all, is in missing.
func (s *session) gather(ctx context.Context, apps []*app, generation uint64, since time.Time) (map[*app]*plan.Plan, map[*app]error) {
	ctx, cancel := context.WithTimeout(ctx, gatherTime)
	defer cancel()
	plans, missing := map[*app]*plan.Plan{}, map[*app]error{}
	var mu sync.Mutex // guards plans and missing
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallelBlobs)
	for _, a := range apps {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			p, err := s.read(ctx, a, generation, since)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing[a] = err
				return
			}
			plans[a] = p
		})
	}
	wg.Wait()
	for a, p := range plans {
		placed, err := p.Place(ctx, s.kinds.Resolve, s.scope)
		if plans[a] = placed; err != nil {
			missing[a] = err
			delete(plans, a)
		}
	}
	return plans, missing
}

// read gets the blob of an app, from what is stored if that is the same, and indexes it.
func (s *session) read(ctx context.Context, a *app, generation uint64, since time.Time) (*plan.Plan, error) {
	var spec protocol.App
	var had *plan.Plan
	var stored []byte
	var spare string
	var epoch uint64
	a.do(func() {
		spec, had, stored, spare, epoch = a.spec, a.plan, a.spare, a.spareDigest, a.accepted.Bundle.Epoch
	})
	if spec.Blob == nil {
		return nil, errors.New("the bundle has no blob for it")
	}
	var packed, lines []byte
	var err error
	switch {
	case had != nil && had.Digest == spec.Blob.Digest:
		packed, _ = had.Packed()
		lines, err = had.Raw()
	case stored != nil && spare == spec.Blob.Digest:
		packed = stored
		lines, err = agent.Unpack(stored, spec.Blob.Size)
	default:
		packed, lines, err = blobs.Fetch(ctx, s.bus, *spec.Blob)
	}
	if err != nil {
		return nil, err
	}
	t, err := s.reader().Transform(ctx, spec, lines)
	if err != nil {
		return nil, err
	}
	p, err := plan.Read(ctx, plan.Source{Spec: spec, Epoch: epoch, Generation: generation, Received: since,
		Packed: packed, Lines: lines}, t)
	if err != nil {
		return nil, err
	}
	s.define(p)
	return p, nil
}

// obtain goes on trying to get the blob of the app.
func (a *app) obtain(generation uint64, err error) {
	if err != nil {
		a.missing(err)
	}
	if a.env.awaits(err) {
		return
	}
	a.fetch.stop()
	getting, stop := context.WithCancel(a.env.life)
	a.stopGet = stop
	s := a.env
	a.spawn(func() {
		defer stop()
		pause := backoff.Backoff{Min: time.Second, Max: time.Minute}
		for first := true; ; first = false {
			wake := s.whenOnline(&pause)
			once := first && (err == nil || wake == nil && errors.Is(err, agent.ErrOffline))
			if !once && pause.Wait(getting, wake) != nil {
				return
			}
			p, err := s.read(getting, a, generation, time.Time{})
			if err == nil {
				p, err = p.Place(getting, s.kinds.Resolve, s.scope)
			}
			done := false
			a.do(func() { done = getting.Err() != nil || a.obtained(p, err) })
			if done {
				return
			}
		}
	})
}

// obtained takes the outcome of a try, and says whether it was the last.
func (a *app) obtained(p *plan.Plan, err error) bool {
	if err != nil {
		a.missing(err)
		a.assess(a.env.life)
		return a.env.awaits(err)
	}
	if a.env.outdated(p) {
		return false
	}
	a.next = p
	a.arrived()
	a.kick()
	a.tellLater(func() {
		for _, other := range a.env.board.All() {
			if other != a {
				other.post(func() {
					if other.leftover() { // which may have been held until this was known
						other.kick()
					}
				})
			}
		}
	})
	return true
}

// whenOnline is what the next try need not wait beyond: the bus coming back.
func (s *session) whenOnline(pause *backoff.Backoff) <-chan struct{} {
	is, up := s.online.Get()
	if is {
		return nil // it is there, and still there was no answer: keep the pause
	}
	pause.Reset()
	return up
}
