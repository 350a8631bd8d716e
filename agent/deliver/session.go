package deliver

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/agent/app"
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
}

func newSession(ctx context.Context, c Config, out *report.Outbox, end context.CancelCauseFunc) *session {
	s := &session{
		Env: app.NewEnv(ctx, app.Ports{Cluster: c.Cluster, Reach: c.Objects, Plugins: c.Plugins, Store: c.Store, Bus: c.Bus,
			Who: c.Identity, ClusterName: c.Identity.Credential().Cluster, Namespace: c.Namespace, Scope: c.Scope, Log: c.Log}, out, end),
		installed: c.Outdated,
		shown:     c.Shown,
		version:   upgrade.NewKeeper(c.Upgrade, c.Log, time.Now()),
	}
	s.journal = app.Journal{Out: out, Board: s.Board}
	s.accept = &acceptance{who: s.Who, bus: s.Bus, store: s.Store, board: s.Board, journal: s.journal, notes: s.Notes,
		end: end, log: s.Log}
	s.Check = s.contents()
	return s
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
	}
	s.Log.Info("the hub asks for what this version cannot do; it is ignored", "kind", a.Kind)
}

// close waits until nothing of the session runs any more. Its context must be done.
func (s *session) close() {
	s.Looks.Stop()
	s.Crew.Close()
}
