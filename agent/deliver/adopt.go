package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
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
	s.mu.Lock()
	changed := s.take(b)
	s.rejudge(ctx)
	s.mu.Unlock()
	plans, missing := s.gather(ctx, changed, b.Generation, since)
	s.mu.Lock()
	defer s.mu.Unlock()
	for a, p := range plans {
		a.next, a.fetching, a.unfit, a.lacks = p, "", fleet.Fact{}, ""
		if s.outdated(p) {
			s.remake(ctx, a)
		}
	}
	for a, err := range missing {
		s.obtain(ctx, a, b.Generation, err)
	}
	for _, a := range s.ordered() {
		s.kick(ctx, a)
	}
}

// ordered are the apps by name, so that what depends on order is the same everywhere. s.mu is held.
func (s *session) ordered() []*app {
	out := make([]*app, 0, len(s.apps))
	for _, a := range s.apps {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *app) int { return bytes.Compare([]byte(a.name), []byte(b.name)) })
	return out
}

// take puts the flags of a bundle into force, and gives the apps that need another blob. s.mu is held.
func (s *session) take(b protocol.Bundle) (changed []*app) {
	digest := b.Digest()
	b = withKnownFlags(b, s.accepted)
	s.accepted = accepted{bundle: b, digest: digest, epoch: b.Epoch, floor: b.Generation, known: true}
	s.who.Reach(b.Epoch)
	graph := make(map[string][]string, len(b.Apps))
	present := make(map[string]bool, len(b.Apps))
	for _, spec := range b.Apps {
		graph[spec.Name], present[spec.Name] = spec.DependsOn, true
		a := s.apps[spec.Name]
		if a == nil {
			a = &app{name: spec.Name, scope: s.scope}
			s.apps[spec.Name] = a
		}
		if a.take(fleet.KeepKnown(spec, a.spec)) {
			changed = append(changed, a)
		}
	}
	for _, broken := range fleet.CheckDependencies(graph) {
		s.apps[broken.App].blocked = broken.Reason
	}
	for name, a := range s.apps {
		if present[name] {
			continue
		}
		if doubt := fleet.WhyKept(b, name, s.parentOf); doubt != "" {
			a.doubted(doubt)
		} else {
			a.leave()
		}
	}
	s.inheritOrphans()
	s.entitle()
	s.neglect()
	return changed
}

// take puts the flags of a spec into force, and says whether the app needs another blob.
func (a *app) take(spec protocol.App) (changed bool) {
	if a.stopGet != nil {
		a.stopGet()
		a.stopGet = nil
	}
	if unfit := fact(protocol.ReasonAgentTooOld, plan.Unmet(spec)); unfit.Known() { // what was understood before stays in force
		spec.Handling, spec.Needs = a.spec.Handling, a.spec.Needs
		a.spec, a.leaving, a.next, a.blocked, a.fetching, a.unfit = spec, false, nil, "", "", unfit
		return false
	}
	if a.spec.ServiceAccount != spec.ServiceAccount { // what one may not do, another may
		for _, o := range a.own {
			if o.trouble != nil {
				o.trouble.next = time.Time{}
			}
		}
	}
	a.spec, a.leaving, a.blocked, a.fetching, a.unfit, a.last = spec, false, "", "", fleet.Fact{}, nil
	if spec.Blob == nil {
		a.next = nil
		return false
	}
	if !a.plan.Same(spec) || a.run != nil && (!a.plan.DeliveredBy(a.run) || a.run.Ahead()) { // or what came since was begun, so that going back is another delivery
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
	return a.Prune == b.Prune && a.Suspend == b.Suspend && a.Timeout == b.Timeout && slices.Equal(a.DependsOn, b.DependsOn) &&
		reflect.DeepEqual(a.Handling, b.Handling)
}

// leave is for an app that a complete bundle no longer has.
func (a *app) leave() {
	if a.plan.Has(false, fleet.PreDelete, fleet.PostDelete) {
		a.last = a.plan
	}
	a.leaving, a.next, a.plan, a.lasts, a.was, a.clashes = true, nil, nil, nil, nil, nil
	a.fetching, a.unfit, a.blocked, a.waits = "", fact(protocol.ReasonAgentTooOld, plan.Unmet(a.spec)), "", ""
	a.spec.Error = ""
	for _, o := range a.own {
		o.want = nil
	}
	a.excuse()
}

// inheritOrphans has the objects of apps stay that leave together with the app which declares them, where that leaves
// its own objects: the declaration is one of these, so in Flux and Argo CD it would stay in the cluster, with all that
// it delivers. s.mu is held.
func (s *session) inheritOrphans() {
	for _, a := range s.apps {
		if !a.leaving || a.spec.Orphan {
			continue
		}
		p := s.apps[a.spec.Parent]
		for range len(s.apps) { // what is stored is not trusted to have no circle
			if p == nil || !p.leaving {
				break
			}
			if p.spec.Orphan || !p.spec.Prune {
				a.spec.Orphan, a.dirty = true, true
				break
			}
			p = s.apps[p.spec.Parent]
		}
	}
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
		placed, err := p.Place(ctx, s.resolve, s.scope)
		if plans[a] = placed; err != nil {
			missing[a] = err
			delete(plans, a)
		}
	}
	return plans, missing
}

// read gets the blob of an app, from what is stored if that is the same, and indexes it.
func (s *session) read(ctx context.Context, a *app, generation uint64, since time.Time) (*plan.Plan, error) {
	s.mu.Lock()
	spec, had, stored, spare, epoch := a.spec, a.plan, a.spare, a.spareDigest, s.accepted.bundle.Epoch
	s.mu.Unlock()
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
		packed, lines, err = fetchBlob(ctx, s.bus, *spec.Blob)
	}
	if err != nil {
		return nil, err
	}
	t, err := s.transformFor(ctx, a, spec, lines)
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

// define remembers the kinds that a plan's definitions will add.
func (s *session) define(p *plan.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range p.Definitions() {
		if len(list) > 0 {
			s.defines[groupKind{list[0].Group, list[0].Kind}] = list
		}
	}
}

// resolve finds a kind, also one that is only going to be served.
func (s *session) resolve(ctx context.Context, apiVersion, kind string) (agent.Resource, error) {
	s.mu.Lock()
	list := s.defines[groupKind{fleet.GroupOf(apiVersion), kind}]
	s.mu.Unlock()
	for _, r := range list {
		if r.APIVersion() == apiVersion {
			return r, nil
		}
	}
	return s.cluster.Resolve(ctx, apiVersion, kind)
}

// obtain goes on trying to get the blob of an app. s.mu is held.
func (s *session) obtain(ctx context.Context, a *app, generation uint64, err error) {
	if err != nil {
		a.missing(err)
	}
	if s.awaits(err) {
		return
	}
	if a.stopGet != nil {
		a.stopGet()
	}
	getting, stop := context.WithCancel(ctx)
	a.stopGet = stop
	s.spawn(func() {
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
				p, err = p.Place(getting, s.resolve, s.scope)
			}
			s.mu.Lock()
			done := getting.Err() != nil || s.obtained(ctx, a, p, err)
			s.mu.Unlock()
			if done {
				return
			}
		}
	})
}

// obtained takes the outcome of a try, and says whether it was the last. s.mu is held.
func (s *session) obtained(ctx context.Context, a *app, p *plan.Plan, err error) bool {
	if err != nil {
		a.missing(err)
		s.assess(ctx, a)
		return s.awaits(err)
	}
	if s.outdated(p) {
		return false
	}
	a.next, a.fetching, a.unfit, a.lacks = p, "", fleet.Fact{}, ""
	for _, other := range s.ordered() {
		if other == a || other.leftover() { // which may have been held until this was known
			s.kick(ctx, other)
		}
	}
	return true
}

// missing notes why the blob of an app is not here: not to be had, or not fit.
func (a *app) missing(err error) {
	a.fetching, a.unfit = "", fleet.Fact{}
	var gone *lacking
	if errors.As(err, &gone) {
		a.lacks = err.Error()
		return
	}
	if errors.Is(err, agent.ErrOffline) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		a.fetching = fmt.Sprintf("its objects were not received from the hub yet: %v; retrying, and keeping the last applied version", err)
		return
	}
	a.unfit = fact(codeOf(err, protocol.ReasonContentUnusable),
		fmt.Sprintf("its objects cannot be used: %v; keeping the last applied version", err))
}

// whenOnline is what the next try need not wait beyond: the bus coming back.
func (s *session) whenOnline(pause *backoff.Backoff) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.online:
		return nil // it is there, and still there was no answer: keep the pause
	default:
		pause.Reset()
		return s.online
	}
}
