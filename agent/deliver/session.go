package deliver

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	// applySlots is how many requests may be under way for passes: more than a small API server can use.
	applySlots = 16
	// healSlots are kept free for drift, so that a large pass does not delay it.
	healSlots = 4
	// saveDelay gathers what heals change in the inventory, which is nothing as a rule.
	saveDelay = 2 * time.Second
)

// session is all that a leading agent knows and does. It ends when somebody else turns out to lead.
type session struct {
	cluster agent.Cluster
	reach   func(agent.Access) agent.Objects // see objects
	plugins agent.Plugins
	store   agent.Store
	bus     agent.Bus
	who     *credential.Identity
	name    string // of the cluster
	log     *slog.Logger
	out     *report.Outbox
	scope   agent.Scope
	// tellAPIs: the hub wants to know what the API server serves.
	tellAPIs atomic.Bool
	// namespace is the agent's own.
	namespace string
	installed string // Config.Outdated
	applies   chan struct{}
	heals     chan struct{}
	end       context.CancelCauseFunc
	life      context.Context // of the session
	wg        sync.WaitGroup

	mu       sync.Mutex // guards what follows; never held over a request
	settled  *sync.Cond // told whenever an object is no longer busy
	moved    chan struct{}
	closed   bool
	accepted accepted
	refused  *protocol.Refusal
	message  string
	apps     map[string]*app
	all      map[protocol.ObjectRef]*object
	kinds    map[agent.Watched]*kindWatch
	defines  map[groupKind][]agent.Resource // by definitions that apps have, established or not
	online   chan struct{}                  // closed while the bus is connected
	fights   map[*object]*fight
	scaling  scaling
	hooks    map[protocol.ObjectRef]*lookout // objects of hooks that are under way
	waiters  map[protocol.ObjectRef][]*app   // that have objects which are applied after another
	heed     context.CancelFunc              // ends the watch of definitions; nil while nobody waits for one
	damaged  bool                            // a part of what was stored could not be read
	inputs   map[protocol.VarsRef]*input
	drift    protocol.Drift
	looks    looks
	search   search
	version  *upgrade.Keeper
	// versionMessage is what the report says of the agent's version.
	versionMessage string
}

// accepted is the bundle in force.
type accepted struct {
	bundle protocol.Bundle
	digest string
	epoch  uint64 // bundles of epochs below are refused
	floor  uint64 // and so are generations of this epoch below
	known  bool   // there is a bundle
}

// raise makes what a part of the state was made from the least that is accepted.
func (a *accepted) raise(epoch, generation uint64) {
	if agent.Order(epoch, generation, a.epoch, a.floor) > 0 {
		a.epoch, a.floor = epoch, generation
	}
}

type groupKind struct{ group, kind string }

// kindWatch is the watch of one kind, or of that in one namespace.
type kindWatch struct {
	objects int // in inventories
	stop    context.CancelFunc
	epoch   uint32
	synced  bool
	lost    time.Time // since when; zero while it holds

	resource agent.Resource                 // as which it is watched
	rules    map[string]protocol.HealthRule // that apps brought when it began, by app
}

func newSession(ctx context.Context, c Config, out *report.Outbox, end context.CancelCauseFunc) *session {
	s := &session{
		life:    ctx,
		cluster: c.Cluster, reach: c.Objects, plugins: c.Plugins, store: c.Store, bus: c.Bus, log: c.Log, out: out, end: end,
		who: c.Identity, name: c.Identity.Credential().Cluster, namespace: c.Namespace, installed: c.Outdated, scope: c.Scope,
		applies: make(chan struct{}, applySlots), heals: make(chan struct{}, healSlots),
		moved: make(chan struct{}), online: make(chan struct{}),
		apps: map[string]*app{}, all: map[protocol.ObjectRef]*object{}, kinds: map[agent.Watched]*kindWatch{},
		defines: map[groupKind][]agent.Resource{}, fights: map[*object]*fight{}, scaling: scaling{}, inputs: map[protocol.VarsRef]*input{},
		hooks: map[protocol.ObjectRef]*lookout{}, waiters: map[protocol.ObjectRef][]*app{},
		version: upgrade.NewKeeper(c.Upgrade, c.Log, time.Now()),
	}
	s.settled = sync.NewCond(&s.mu)
	return s
}

// asked does what the hub asks for, apart from what the bus does by itself.
func (s *session) asked(a protocol.Ask) {
	switch a.Kind {
	case protocol.AskJournal:
		s.out.Replay(a.From, a.To)
		return
	case protocol.AskFetch: // the bus fetches; the hub may have missed the last report, too
		s.out.Changed(true)
		return
	case protocol.AskAPIs:
		s.tellAPIs.Store(true)
		s.out.Changed(true)
		return
	}
	s.log.Info("the hub asks for what this version cannot do; it is ignored", "kind", a.Kind)
}

// close waits until nothing of the session runs any more. Its context must be done.
func (s *session) close() {
	s.mu.Lock()
	s.closed = true
	for _, a := range s.apps {
		if a.timer != nil {
			a.timer.Stop()
		}
		if a.stopGet != nil {
			a.stopGet()
		}
	}
	if s.looks.timer != nil {
		s.looks.timer.Stop()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// spawn runs f, unless the session is over. s.mu is held.
func (s *session) spawn(f func()) {
	if !s.closed {
		s.wg.Go(f)
	}
}

// suspended says whether an app is left as it is. s.mu is held.
func (s *session) suspended(a *app) bool {
	return s.accepted.bundle.Suspend || a.spec.Suspend
}

// announce wakes those who wait for something to have moved. s.mu is held.
func (s *session) announce() {
	close(s.moved)
	s.moved = make(chan struct{})
}

// kick has an app worked on. s.mu is held.
func (s *session) kick(ctx context.Context, a *app) {
	if a.running || s.closed {
		a.again = true
		return
	}
	a.running = true
	s.spawn(func() { s.work(ctx, a) })
}

// work takes turns at an app until there is nothing left to do at once.
func (s *session) work(ctx context.Context, a *app) {
	for {
		s.turn(ctx, a)
		s.mu.Lock()
		if !a.again || ctx.Err() != nil {
			a.running = false
			for _, o := range a.own {
				if o.look == nil {
					s.inquire(ctx, o)
				}
			}
			s.assess(ctx, a)
			s.plan(ctx, a)
			s.mu.Unlock()
			return
		}
		a.again = false
		s.mu.Unlock()
	}
}

// plan sets the app's timer for the next thing that is due by itself, if any. s.mu is held.
func (s *session) plan(ctx context.Context, a *app) {
	var next time.Time
	now := time.Now()
	sooner := func(t time.Time) {
		if !t.After(now) { // it was due and not done: somebody else is waited for
			t = now.Add(time.Second)
		}
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	a.kindless = false
	if !s.suspended(a) {
		for _, o := range a.own {
			a.kindless = a.kindless || o.kindless()
			if o.unnoticed.open() {
				sooner(o.unnoticed.until)
			}
			if o.trouble != nil && !o.trouble.final {
				sooner(o.trouble.next)
			}
			if o.want == nil && o.hold != nil && a.held == "" {
				sooner(o.hold.next)
			}
		}
		if a.fault != nil {
			sooner(a.fault.next)
		}
		if !a.until.IsZero() {
			sooner(a.until)
		}
		if a.dirty {
			sooner(now.Add(saveDelay))
		}
	}
	switch {
	case a.reason == protocol.ReasonPaused: // which time does not end
	case a.phase == protocol.PhaseWaiting && a.wasHealthy:
		sooner(a.illSince.Add(grace))
	case a.phase == protocol.PhaseWaiting:
		sooner(a.appliedAt.Add(a.timeout()))
	}
	s.alarm(ctx, a, next)
	s.heedDefinitions(ctx)
}

// alarm has an app kicked at a time; never, if it is zero. s.mu is held.
func (s *session) alarm(ctx context.Context, a *app, at time.Time) {
	if a.timer != nil {
		if a.wake.Equal(at) {
			return
		}
		a.timer.Stop()
		a.timer = nil
	}
	if a.wake = at; at.IsZero() || s.closed {
		return
	}
	a.timer = time.AfterFunc(time.Until(at), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if a.wake.Equal(at) && ctx.Err() == nil {
			a.timer = nil
			s.kick(ctx, a)
		}
	})
}

// retry makes what failed due at once, where the reason may be gone. s.mu is held.
func (s *session) retry(ctx context.Context, why func(*object) bool) {
	for _, a := range s.apps {
		hit := false
		for _, o := range a.own {
			if o.trouble != nil && why(o) {
				o.trouble.next, hit = time.Time{}, true
			}
		}
		if hit {
			s.kick(ctx, a)
		}
	}
}

// assess finds out in which phase an app is, and tells if that changed. s.mu is held.
func (s *session) assess(ctx context.Context, a *app) {
	now := time.Now()
	s.recheck(ctx, a)
	v := a.judge(now, s.accepted.bundle.Suspend)
	if v.Phase == protocol.PhaseHealthy {
		a.wasHealthy = true
	}
	changed := v.Phase != a.phase
	if changed || v.Message != a.message || v.Reason != a.reason {
		defer s.reconsider(ctx, a)
	}
	if changed {
		a.since = now
	}
	a.phase, a.health, a.reason, a.message = v.Phase, v.Health, v.Reason, v.Message
	s.out.Changed(changed && (v.Phase == protocol.PhaseHealthy || v.Phase == protocol.PhaseFailed || v.Phase == protocol.PhaseDegraded))
	if !changed {
		return
	}
	s.tell(a, v)
	s.announce()
	if v.Phase == protocol.PhaseHealthy {
		s.release(ctx, a)
		s.retry(ctx, func(o *object) bool { return agent.ReasonOf(o.trouble.err) == agent.ReasonWebhook }) // it may be what answers
	}
	if v.Phase == protocol.PhaseWaiting && !a.running {
		s.plan(ctx, a)
	}
}

// tell puts a change of phase into the journal, if it is one that people wait for.
func (s *session) tell(a *app, v fleet.AppStatus) {
	kinds := map[protocol.Phase]protocol.EventKind{
		protocol.PhaseHealthy: protocol.EventHealthy, protocol.PhaseDegraded: protocol.EventDegraded, protocol.PhaseFailed: protocol.EventFailed,
	}
	kind, ok := kinds[v.Phase]
	if !ok || kind == a.told && kind == protocol.EventHealthy {
		return
	}
	a.told = kind
	s.emit(protocol.Event{Kind: kind, App: a.name, Message: v.Message})
}

// release lets the apps begin that wait for a. s.mu is held.
func (s *session) release(ctx context.Context, a *app) {
	for _, other := range s.apps {
		if other.next == nil {
			continue
		}
		for _, d := range other.spec.DependsOn {
			if d == a.name {
				s.kick(ctx, other)
			}
		}
	}
}

// emit puts an event into the journal. s.mu is held.
func (s *session) emit(e protocol.Event) {
	e.Generation = s.accepted.bundle.Generation
	if a := s.apps[e.App]; a != nil && a.plan != nil && e.Revision == "" {
		e.Revision = a.settings.Revision
	}
	s.out.Record(e)
}

// track counts an object for the watch of its kind. s.mu is held.
func (s *session) track(o *object) {
	s.all[o.item.Ref] = o
	s.kindOf(o.item.Ref).objects++
}

// untrack reverses track. s.mu is held.
func (s *session) untrack(o *object) {
	delete(s.all, o.item.Ref)
	s.unwatch(o.item.Ref)
}

// unwatch ends the watch of an object's kind if it was the last. s.mu is held.
func (s *session) unwatch(ref protocol.ObjectRef) {
	k := s.kindOf(ref)
	if k.objects--; k.objects == 0 {
		if k.stop != nil {
			k.stop()
		}
		delete(s.kinds, s.scope.Covering(ref))
	}
}

// forget takes an object out of the inventory. s.mu is held.
func (s *session) forget(ctx context.Context, o *object) {
	for _, f := range o.formers {
		f.given = slices.DeleteFunc(f.given, func(x *object) bool { return x == o })
		s.kick(ctx, f)
	}
	s.untrack(o)
	s.unlook(ctx, o)
	delete(s.fights, o)
	o.app.disown(o)
	o.app.dirty = true
	if fleet.Steers(o.item.Ref) {
		s.resteer(ctx)
	}
}

func (s *session) kindOf(ref protocol.ObjectRef) *kindWatch { return s.watchOf(s.scope.Covering(ref)) }

func (s *session) watchOf(key agent.Watched) *kindWatch {
	k := s.kinds[key]
	if k == nil {
		k = &kindWatch{}
		s.kinds[key] = k
	}
	return k
}

// watch sees to it that a kind is watched. s.mu is held.
func (s *session) watch(ctx context.Context, res agent.Resource, key agent.Watched) {
	k := s.watchOf(key)
	if k.stop != nil || s.closed {
		return
	}
	watching, stop := context.WithCancel(ctx)
	k.stop, k.resource = stop, res
	var rules agent.Rules
	rules, k.rules = s.rulesFor(key)
	s.spawn(func() {
		s.cluster.Watch(watching, res, key.Namespace, rules, func(sg agent.Sighting) {
			if watching.Err() == nil {
				s.sight(ctx, sg)
			}
		})
	})
}
