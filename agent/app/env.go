package app

import (
	"context"
	"log/slog"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/contents"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/heal"
	"github.com/drover-dev/drover/agent/hookrun"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/move"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/pass"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/prune"
	"github.com/drover-dev/drover/agent/relation"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/sight"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/protocol"
)

const (
	// applySlots is how many requests may be under way for passes: more than a small API server can use.
	applySlots = 16
	// healSlots are kept free for drift, so that a large pass does not delay it.
	healSlots = 4
)

// Env is what the apps of a session reach and share. What is not immutable in it has a lock of its own, which is held
// for a moment.
type Env struct {
	Ports
	Watching
	Shared
	Out     *report.Outbox
	Applies chan struct{}
	Heals   chan struct{}
	End     context.CancelCauseFunc
	Life    context.Context // of the session
	Crew    mailbox.Crew
	Online  *mailbox.Link // to the hub
	Plans   planning.Maker
	Check   contents.Check // what would be lost with an object
	Notes   *Notes
	Damaged bool // a part of what was stored could not be read; written before there is an app
}

// NewEnv makes what the apps of a session share, with watches that tell them what they see. end ends the session.
func NewEnv(ctx context.Context, p Ports, out *report.Outbox, end context.CancelCauseFunc) *Env {
	e := &Env{Ports: p, Life: ctx, Out: out, End: end, Notes: &Notes{}, Online: mailbox.NewLink(),
		Applies: make(chan struct{}, applySlots), Heals: make(chan struct{}, healSlots),
		Shared: Shared{Board: board.New(func(a *App) string { return a.Name }), Stands: board.NewStandings(),
			Objects:     inventory.New(),
			HookObjects: inventory.New()}}
	w := &watch.Session{Cluster: e.Cluster, Scope: e.Scope, Log: e.Log, Life: e.Life, Start: e.Crew.Start}
	e.Watches = watch.NewObjects(w, e.listener())
	e.Kinds = watch.NewDefinitions(w, e.defined)
	e.Inputs = watch.NewInputs(w, e.inputChanged)
	e.Scaling = watch.NewScalers(w, func() { e.TellAll((*App).unscaled) })
	e.Looks = watch.NewLooks(w)
	e.Plans = planning.Maker{Blobs: e.Bus, Watched: e.Inputs, Kinds: e.Kinds, Scope: e.Scope, Online: e.Online, Log: e.Log,
		Inputs: input.Reader{Reach: e.Reach, Plugins: e.Plugins, Scope: e.Scope, Namespace: e.Namespace,
			Watch: e.Inputs.Watch}}
	return e
}

// NewApp makes an app, whose goroutine is yet to be started.
func (e *Env) NewApp(name string) *App {
	a := &App{env: e, scope: e.Scope, Set: owned.NewSet(name)}
	a.Actor, a.checks = actor.New(&e.Crew, a), e.newChecks(a)
	a.beside = relation.New(&a.Set, &a.Actor, e.forRelations())
	set, current, act := &a.Set, &a.Current, &a.Actor
	a.applier = pass.New(pass.Config{Set: set, Current: current, Actor: act, Relations: &a.beside, App: a, Env: e.forPasses()})
	a.seer = sight.New(sight.Config{Set: set, Actor: act, App: doing{&a.pruner, &a.healer, a},
		Env: sight.Env{Looks: e.Looks, Jobs: e.Cluster, Log: e.Log}})
	a.mover = move.New(move.Config{Set: set, Actor: act, Relations: &a.beside, Env: e.forMoves(),
		JudgeStash: a.seer.JudgeStash})
	a.pruner = prune.New(prune.Config{Set: set, Current: current, Actor: act, App: a, Env: e.forPruning(),
		JudgeStash: a.seer.JudgeStash})
	a.healer = heal.New(heal.Config{Set: set, Current: current, Actor: act, App: a, Env: e.forHealing(&a.applier)})
	a.hooks = hookrun.New(hookrun.Config{Set: set, Order: current, Actor: act, App: steps{a, &a.applier}, Env: e.forHooks()})
	return a
}

// forPruning is what the pruners of all apps reach and share.
func (e *Env) forPruning() prune.Env {
	return prune.Env{ClusterName: e.ClusterName, Kinds: e.Cluster, Board: e.Board, Objects: e.Objects, Check: e.Check,
		Scope: e.Scope, Slots: e.Applies, Protected: e.Protected, News: func() { e.Out.Changed(true) }}
}

// forHealing is what the healers of all apps reach and share.
func (e *Env) forHealing(s heal.Sender) heal.Env {
	return heal.Env{ClusterName: e.ClusterName, Sender: s, Slots: e.Heals, News: e.Out.Changed,
		Corrected: e.Notes.corrected, Lost: e.Plans.Lost}
}

// forRelations is what the apps share for what their objects are to each other.
func (e *Env) forRelations() relation.Env {
	return relation.Env{Board: e.Board, Stands: e.Stands, Objects: e.Objects,
		Tell: func(name string, what func(*relation.Relations)) { e.tellApp(name, func(a *App) { what(&a.beside) }) },
		TellOthers: func(name string, what func(*relation.Relations)) {
			e.TellAll(func(a *App) {
				if a.Name != name {
					what(&a.beside)
				}
			})
		}}
}

// forMoves is what the apps share for objects that move.
func (e *Env) forMoves() move.Env {
	return move.Env{Life: e.Life, Objects: e.Objects, Watches: e.Watches, Keeps: e.Board.Keeps, RefOf: e.RefOf,
		Peer: func(name string) *move.Mover {
			if a := e.Board.App(name); a != nil {
				return &a.mover
			}
			return nil
		}}
}

// forPasses is what the appliers of all apps reach and share.
func (e *Env) forPasses() pass.Env {
	return pass.Env{Kinds: e.Cluster, Watches: e.Watches, Scaling: e.Scaling, Objects: e.Objects, Scope: e.Scope,
		Slots: e.Applies, Protected: e.Protected}
}

// forHooks is what the hooks of all apps reach and share.
func (e *Env) forHooks() hookrun.Env {
	return hookrun.Env{Kinds: e.Cluster, Watches: e.Watches, Claims: e.HookObjects, Objects: e.Objects, Scope: e.Scope,
		Protected: e.Protected, News: func() { e.Out.Changed(false) },
		Settle: func(owner string, ref protocol.ObjectRef) {
			if a := e.Board.App(owner); a != nil {
				a.mover.WhenSettled(ref)
			}
		}}
}

// Ports are what a session reaches, and its name.
type Ports struct {
	Cluster     agent.Cluster
	Reach       func(agent.Access) agent.Objects // see app.objects
	Plugins     agent.PluginHost
	Store       agent.Store
	Bus         agent.Bus
	Who         *credential.Identity
	ClusterName string // of the cluster
	Namespace   string // the agent's own
	Scope       agent.Scope
	Log         *slog.Logger
}

// Protected says of an object whether the agent never deletes it, though an app had it, because it is a part of the
// agent.
func (p *Ports) Protected(ref protocol.ObjectRef) bool {
	return guard.OwnPart(ref, p.Namespace, p.Scope)
}

// Shared is what the apps share, each with a lock of its own.
type Shared struct {
	Board       *board.Board[*App]
	Stands      *board.Standings
	Objects     *inventory.Index // whose objects are
	HookObjects *inventory.Index // whose objects of hooks that are under way are
	Moved       mailbox.Beacon   // tells that something of these is another
}

// TellAll has every app told something.
func (s *Shared) TellAll(what func(*App)) {
	for _, a := range s.Board.All() {
		a.Post(func() { what(a) })
	}
}

// tellApp has one app told something, if there is one of that name.
func (s *Shared) tellApp(name string, what func(*App)) {
	if a := s.Board.App(name); a != nil {
		a.Post(func() { what(a) })
	}
}

// retry makes what failed due at once, where the reason may be gone.
func (s *Shared) retry(why func(*owned.Object) bool) {
	s.TellAll(func(a *App) { a.retry(why) })
}

// InForce is the accepted bundle.
func (s *Shared) InForce() orders.Accepted {
	acc, _ := s.Board.Current()
	return acc
}

// waitsForKinds says whether objects of any app wait for their kind to be served.
func (s *Shared) waitsForKinds() bool {
	return len(s.Board.Where(func(e *board.Entry[*App]) bool { return e.Facts.Kindless })) > 0
}

// sight tells the app that has an object, and the one that has a hook of its name.
func (s *Shared) sight(sg agent.Sighting, owner, hooks string) {
	if hooks == owner {
		hooks = ""
	}
	for _, name := range [...]string{owner, hooks} {
		if a := s.Board.App(name); a != nil {
			a.Box.Sight(sg)
		}
	}
}

// release lets the apps begin that wait for an app.
func (s *Shared) release(name string) {
	for _, a := range s.Board.Where(func(e *board.Entry[*App]) bool {
		return e.Next() != nil && slices.Contains(e.Order.Spec.DependsOn, name)
	}) {
		a.Post(a.Kick)
	}
}

// reconsider has those apps look again that have a condition on an app.
func (s *Shared) reconsider(name string) {
	for _, a := range s.Board.Where(func(e *board.Entry[*App]) bool {
		return e.Next() != nil && slices.ContainsFunc(e.Order.Spec.Ready,
			func(r protocol.Readiness) bool { return r.App == name })
	}) {
		a.Post(a.Kick)
	}
}

// Uncounted are the apps whose stored state is that of an agent which did not count deletions.
func (s *Shared) Uncounted() []*App {
	return slices.DeleteFunc(s.Board.All(), func(a *App) bool { return a.counts() })
}

// Watching is what a session follows in the cluster.
type Watching struct {
	Watches *watch.Objects
	Kinds   *watch.Definitions
	Inputs  *watch.Inputs
	Scaling *watch.Scalers
	Looks   *watch.Looks
}

// RefOf is the object that a want is for, as far as it is known whether it has a namespace.
func (s *Shared) RefOf(w *plan.Want) protocol.ObjectRef {
	if bare := w.WithoutNamespace(); w.KindUnknown && s.Objects.Owner(bare) != "" {
		return bare
	}
	return w.Ref
}
