package deliver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/agent/watch"
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

// session is the term of a leading agent: what its apps share. It ends when another agent turns out to lead. What is
// not immutable in it has one owner each, with a lock of its own that is held for a moment.
type session struct {
	ports
	watching
	out *report.Outbox
	// tellAPIs: the hub wants to know what the API server serves.
	tellAPIs atomic.Bool
	applies  chan struct{}
	heals    chan struct{}
	end      context.CancelCauseFunc
	life     context.Context // of the session

	crew    mailbox.Crew
	board   *board
	objects *inventory.Index // whose objects are
	hooks   *inventory.Index // whose objects of hooks that are under way are
	search  search
	notes   notes
	online  *mailbox.Link
	moved   mailbox.Beacon
	version *upgrade.Keeper
	damaged bool // a part of what was stored could not be read; written before there is an app
}

// watching is what a session follows in the cluster.
type watching struct {
	watches *watch.Objects
	kinds   *watch.Definitions
	inputs  *watch.Inputs
	scaling *watch.Scalers
	looks   *watch.Looks
}

// ports are what a session reaches, and its name.
type ports struct {
	cluster   agent.Cluster
	reach     func(agent.Access) agent.Objects // see app.objects
	plugins   agent.PluginHost
	store     agent.Store
	bus       agent.Bus
	who       *credential.Identity
	name      string // of the cluster
	namespace string // the agent's own
	installed string // Config.Outdated
	scope     agent.Scope
	log       *slog.Logger
}

func newSession(ctx context.Context, c Config, out *report.Outbox, end context.CancelCauseFunc) *session {
	s := &session{
		ports: ports{cluster: c.Cluster, reach: c.Objects, plugins: c.Plugins, store: c.Store, bus: c.Bus, who: c.Identity,
			name: c.Identity.Credential().Cluster, namespace: c.Namespace, installed: c.Outdated, scope: c.Scope, log: c.Log},
		life: ctx, out: out, end: end,
		applies: make(chan struct{}, applySlots), heals: make(chan struct{}, healSlots),
		board: newBoard(), online: mailbox.NewLink(), objects: inventory.New(), hooks: inventory.New(),
		version: upgrade.NewKeeper(c.Upgrade, c.Log, time.Now()),
	}
	w := &watch.Session{Cluster: s.cluster, Scope: s.scope, Log: s.log, Life: ctx, Start: s.crew.Start}
	s.watches = watch.NewObjects(w, s.listener())
	s.kinds = watch.NewDefinitions(w, s.defined)
	s.inputs = watch.NewInputs(w, s.inputChanged)
	s.scaling = watch.NewScalers(w, func() { s.tellAll((*app).unscaled) })
	s.looks = watch.NewLooks(w)
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
	s.looks.Stop()
	s.crew.Close()
}

// newApp makes an app, whose goroutine is yet to be started.
func (s *session) newApp(name string) *app {
	a := &app{actor: newActor(), env: s, name: name, scope: s.scope,
		holdings: holdings{byRef: map[protocol.ObjectRef]*object{}, given: map[protocol.ObjectRef]agent.Item{}},
		beside:   beside{revealed: map[protocol.ObjectRef]*standing{}}}
	a.hooks = hookRunner{app: a, lookouts: map[protocol.ObjectRef]*lookout{}}
	return a
}

// start starts an app's goroutine, unless it was started. It is for the goroutine of the session alone.
func (s *session) start(a *app) {
	if !a.started {
		a.started = true
		if !s.crew.Start(func() { a.loop(s.life) }) {
			a.box.Close()
			close(a.ended)
		}
	}
}

// tellAll has every app told something.
func (s *session) tellAll(what func(*app)) {
	for _, a := range s.board.all() {
		a.post(func() { what(a) })
	}
}

// tellApp has one app told something, if there is one of that name.
func (s *session) tellApp(name string, what func(*app)) {
	if a := s.board.app(name); a != nil {
		a.post(func() { what(a) })
	}
}

// retry makes what failed due at once, where the reason may be gone.
func (s *session) retry(why func(*object) bool) {
	s.tellAll(func(a *app) { a.retry(why) })
}

// inForce is the accepted bundle.
func (s *session) inForce() orders.Accepted {
	acc, _ := s.board.current()
	return acc
}

// emit puts an event into the journal.
func (s *session) emit(e protocol.Event) {
	if e.Generation == 0 {
		e.Generation = s.inForce().Bundle.Generation
	}
	if of, there := s.board.entry(e.App); there && e.Revision == "" {
		e.Revision = of.facts.status.Applied
	}
	s.out.Record(e)
}

// notes are what is to be reported of the session beside its apps.
type notes struct {
	mu      sync.Mutex // guards what follows
	refused *protocol.Refusal
	message string
	drift   protocol.Drift
	version string // what the report says of the agent's version
}

// with reads or changes them.
func (n *notes) with(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}
