package app

import (
	"context"
	"log/slog"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/contents"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/protocol"
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

// Ports are what a session reaches, and its name.
type Ports struct {
	Cluster     agent.Cluster
	Reach       func(agent.Access) agent.Objects // see parts.Request
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

// tellOthers has every app told something but one.
func (s *Shared) tellOthers(name string, what func(*App)) {
	for _, a := range s.Board.All() {
		if a.Name != name {
			a.Post(func() { what(a) })
		}
	}
}

// tellApp has one app told something, if there is one of that name.
func (s *Shared) tellApp(name string, what func(*App)) {
	if a := s.Board.App(name); a != nil {
		a.Post(func() { what(a) })
	}
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

// Release lets the apps begin that wait for an app.
func (s *Shared) Release(name string) {
	for _, a := range s.Board.Where(func(e *board.Entry[*App]) bool {
		return e.Next() != nil && slices.Contains(e.Order.Spec.DependsOn, name)
	}) {
		a.Post(a.Kick)
	}
}

// Reconsider has those apps look again that have a condition on an app.
func (s *Shared) Reconsider(name string) {
	for _, a := range s.Board.Where(func(e *board.Entry[*App]) bool {
		return e.Next() != nil && slices.ContainsFunc(e.Order.Spec.Ready,
			func(r protocol.Readiness) bool { return r.App == name })
	}) {
		a.Post(a.Kick)
	}
}

// Announce tells those who wait for something to have moved.
func (s *Shared) Announce() { s.Moved.Announce() }

// Uncounted are the apps whose stored state is that of an agent which did not count deletions.
func (s *Shared) Uncounted() []*App {
	return slices.DeleteFunc(s.Board.All(), func(a *App) bool { return a.pruner.Deletions.Counts() })
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
