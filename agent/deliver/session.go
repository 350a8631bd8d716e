package deliver

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/asks"
	"github.com/drover-dev/drover/agent/contents"
	"github.com/drover-dev/drover/agent/orphans"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/protocol"
)

// session is the term of a leading agent. It ends when another agent turns out to lead. What its apps share is its Env;
// what is not immutable in the rest has one owner each, with a lock of its own that is held for a moment.
type session struct {
	*app.Env
	// tellAPIs: the hub wants to know what the API server serves.
	tellAPIs  atomic.Bool
	search    *orphans.Search // nil if there is none
	journal   app.Journal
	accept    *acceptance
	version   *upgrade.Keeper
	installed string // Config.Outdated
	shown     *shown.Names
	desk      *asks.Desk // nil if no questions are answered
}

func newSession(ctx context.Context, c Config, out *report.Outbox, end context.CancelCauseFunc) *session {
	s := &session{
		Env: app.NewEnv(ctx, app.Ports{Cluster: c.Cluster, Reach: c.Objects, Plugins: c.Plugins, Store: c.Store, Bus: c.Bus,
			Who: c.Identity, ClusterName: c.Identity.Credential().Cluster, Namespace: c.Namespace, Scope: c.Scope, Log: c.Log},
			out, end),
		installed: c.Outdated,
		shown:     c.Shown,
		version:   upgrade.NewKeeper(c.Upgrade, c.Log, time.Now()),
	}
	s.journal = app.Journal{Out: out, Board: s.Board}
	s.accept = &acceptance{who: s.Who, bus: s.Bus, store: s.Store, board: s.Board, journal: s.journal, notes: s.Notes,
		end: end, log: s.Log}
	s.Check = s.contents()
	s.desk = newDesk(c, s.Env)
	return s
}

// contents finds out what would be lost with an object.
func (s *session) contents() contents.Check {
	n := neighbours{&s.Shared}
	return contents.Check{Cluster: s.Cluster, Reader: s.Reach(agent.Access{}), Apps: n, Name: s.ClusterName,
		Protected: s.Protected, Approved: n.approved}
}

// resumeSearch prepares a search for objects that no inventory has; nil if there is none to be made.
func (s *session) resumeSearch(ctx context.Context, st agent.Stored, bundle *protocol.Bundle) *orphans.Search {
	c := orphans.Config{Cluster: unrestricted{s.Cluster, s.Reach(agent.Access{}), s.Check, s.Protected}, Store: s.Store,
		Apps: neighbours{&s.Shared}, Journal: s.journal, Name: s.ClusterName, Namespace: s.Namespace, Scope: s.Scope,
		Log:    s.Log,
		Insist: s.accept.insist}
	return orphans.Resume(ctx, c, st, bundle)
}

// connected is told by the bus.
func (s *session) connected(yes bool) {
	s.Online.Set(yes)
	s.version.Reconsider()
	s.Out.Connected(yes)
}

// awaitSynced waits until every watch has listed, for some time.
func (s *session) awaitSynced(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		moved := s.Moved.Wait()
		if s.Watches.AllSynced() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-moved:
		}
	}
}

// asked does what the hub asks for, apart from what the bus does by itself.
func (s *session) asked(a protocol.Ask) {
	switch a.Kind {
	case protocol.AskJournal:
		s.Out.Replay(a.From, a.To)
		return
	case protocol.AskFetch: // the bus fetches; the hub may have missed the last report, too
		s.Out.Changed(true)
		return
	case protocol.AskAPIs:
		s.tellAPIs.Store(true)
		s.Out.Changed(true)
		return
	case protocol.AskQuestion, protocol.AskStop:
		if s.desk != nil {
			s.desk.Ask(s.Life, a)
			return
		}
	}
	s.Log.Info("the hub asks for what this version cannot do; it is ignored", "kind", a.Kind)
}

// close waits until nothing of the session runs any more. Its context must be done.
func (s *session) close() {
	s.Looks.Stop()
	s.Crew.Close()
}

// newDesk makes what answers questions; nil if this agent answers none.
func newDesk(c Config, env *app.Env) *asks.Desk {
	if c.Reader == nil {
		return nil
	}
	return asks.New(asks.Config{Cluster: env.ClusterName, Namespace: c.Namespace, Scope: c.Scope, Grants: c.Answers,
		Reader: c.Reader,
		Apps:   known{env}, Send: c.Bus.Answer, Start: env.Crew.Start, Log: c.Log})
}
