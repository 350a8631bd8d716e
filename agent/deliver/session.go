package deliver

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orphans"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/planning"
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
	shared
	out *report.Outbox
	// tellAPIs: the hub wants to know what the API server serves.
	tellAPIs atomic.Bool
	applies  chan struct{}
	heals    chan struct{}
	end      context.CancelCauseFunc
	life     context.Context // of the session

	crew    mailbox.Crew
	plans   planning.Maker
	search  *orphans.Search // nil if there is none
	notes   *notes
	journal journal
	accept  *acceptance
	online  *mailbox.Link
	version *upgrade.Keeper
	damaged bool // a part of what was stored could not be read; written before there is an app
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

// protected says of an object whether the agent never deletes it, though an app had it, because it is a part of the
// agent.
func (p *ports) protected(ref protocol.ObjectRef) bool {
	return guard.OwnPart(ref, p.namespace, p.scope)
}

func newSession(ctx context.Context, c Config, out *report.Outbox, end context.CancelCauseFunc) *session {
	s := &session{
		ports: ports{cluster: c.Cluster, reach: c.Objects, plugins: c.Plugins, store: c.Store, bus: c.Bus, who: c.Identity,
			name: c.Identity.Credential().Cluster, namespace: c.Namespace, installed: c.Outdated, scope: c.Scope, log: c.Log},
		life: ctx, out: out, end: end,
		applies: make(chan struct{}, applySlots), heals: make(chan struct{}, healSlots),
		shared: shared{board: board.New(func(a *app) string { return a.Name }), stands: board.NewStandings(),
			objects: inventory.New(),
			hooks:   inventory.New()},
		online:  mailbox.NewLink(),
		version: upgrade.NewKeeper(c.Upgrade, c.Log, time.Now()),
	}
	s.notes = &notes{}
	s.journal = journal{out, s.board}
	s.accept = &acceptance{who: s.who, bus: s.bus, store: s.store, board: s.board, journal: s.journal, notes: s.notes,
		end: end, log: s.log}
	w := &watch.Session{Cluster: s.cluster, Scope: s.scope, Log: s.log, Life: ctx, Start: s.crew.Start}
	s.watches = watch.NewObjects(w, s.listener())
	s.kinds = watch.NewDefinitions(w, s.defined)
	s.inputs = watch.NewInputs(w, s.inputChanged)
	s.scaling = watch.NewScalers(w, func() { s.tellAll((*app).unscaled) })
	s.looks = watch.NewLooks(w)
	s.plans = planning.Maker{Blobs: s.bus, Watched: s.inputs, Kinds: s.kinds, Scope: s.scope, Online: s.online, Log: s.log,
		Inputs: input.Reader{Reach: s.reach, Plugins: s.plugins, Scope: s.scope, Namespace: s.namespace, Watch: s.inputs.Watch}}
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
	a := &app{env: s, scope: s.scope, Set: owned.NewSet(name),
		beside: beside{revealed: map[protocol.ObjectRef]*board.Standing{}}}
	a.Actor, a.checks = actor.New(&s.crew, a), s.newChecks(a)
	a.hooks = hookRunner{app: a, lookouts: map[protocol.ObjectRef]*lookout{}}
	return a
}
