package deliver

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/place"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// Agent keeps one cluster as its bundles say.
type Agent struct {
	c    Config
	self protocol.Agent
	seq  uint64 // of the last report
}

// New makes an agent.
func New(c Config) *Agent {
	c.Shown = cmp.Or(c.Shown, shown.New())
	return &Agent{c: c, self: protocol.Agent{Version: version.String(), Identity: c.Name, Image: c.Image,
		Started: time.Now(), Term: c.Term,
		Renames: true, Answers: c.Reader != nil}}
}

// Run keeps the cluster until ctx is done. The caller has made sure that no other agent does.
func (a *Agent) Run(ctx context.Context) error {
	pause := backoff.Backoff{Min: time.Second, Max: 30 * time.Second}
	for ctx.Err() == nil {
		start := time.Now()
		err := a.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errRenamed) {
			continue
		}
		if time.Since(start) > time.Minute {
			pause.Reset()
		}
		a.c.Log.Warn("the session ended; restarting from the state in the cluster", "err", err)
		if pause.Wait(ctx, nil) != nil {
			break
		}
	}
	return nil
}

// partingTime is how long all may take that is left to do when the agent no longer leads.
const partingTime = 3 * time.Second

// session takes charge of the cluster with what is stored in it, until ctx is done or somebody else does.
func (a *Agent) session(parent context.Context) error {
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	stored, err := a.load(ctx)
	if err != nil {
		return err
	}
	if err := a.c.Bus.Join(ctx); err != nil {
		return err
	}
	if belongs, misplaced, err := a.c.Identity.Misplaced(ctx); misplaced || err != nil {
		if err != nil {
			return err
		}
		hold := place.Hold{Identity: a.c.Identity, Bus: a.c.Bus, Log: a.c.Log, Self: a.self, Next: a.next,
			Reported: a.c.Reported}
		return hold.Run(ctx, belongs)
	}
	c := a.c
	c.Log = c.Log.With("cluster", c.Identity.Credential().Cluster)
	out := report.New(c.outbox(end), time.Now())
	out.Restore(stored.Journal, stored.JournalErr)
	s := newSession(ctx, c, out, end)
	box := mailbox.NewNewest()
	bus := make(chan error, 1)
	busCtx, stopBus := context.WithCancel(context.WithoutCancel(parent)) // outlives the work, for the final report
	defer stopBus()
	go func() {
		err := a.c.Bus.Run(busCtx, box.Put, s.connected, s.asked)
		end(err) // of no effect when it ended because the session did
		bus <- err
	}()
	s.restore(ctx, stored)
	reporting := make(chan struct{})
	go func() {
		defer close(reporting)
		s.awaitSynced(ctx, firstReport)
		out.Run(ctx, a.report(s))
	}()
	err = s.serve(ctx, box)
	s.close()
	<-reporting
	a.farewell(s)
	stopBus()
	return errors.Join(err, <-bus)
}

// firstReport is how long a new session looks around before it says how things are.
const firstReport = 3 * time.Second

// load reads what is stored, however long it takes: with nothing known there is nothing to do.
func (a *Agent) load(ctx context.Context) (agent.Stored, error) {
	pause := backoff.Backoff{Min: time.Second, Max: 30 * time.Second}
	for {
		stored, err := a.c.Store.Load(ctx)
		if err == nil {
			err = a.c.Identity.Load(ctx)
		}
		if err == nil {
			a.self.ClusterUID, err = place.Find(ctx, a.c.Cluster, a.c.Scope, a.c.Identity, a.c.Log)
		}
		if err == nil {
			if v, err := a.c.Cluster.Version(ctx); err == nil { // for the report only
				a.self.Kubernetes = v
			}
			if err := a.c.Cluster.Discover(ctx); err != nil { // for the report, too: kinds that are missed are asked for again
				a.c.Log.Warn("what the API server serves cannot be read: charts are rendered without it", "err", err)
			}
			return stored, nil
		}
		if ctx.Err() == nil {
			a.c.Log.Warn("the agent's state cannot be read; nothing is touched before it can", "err", err)
		}
		if err := pause.Wait(ctx, nil); err != nil {
			return agent.Stored{}, err
		}
	}
}

func (a *Agent) report(s *session) func() []byte {
	return func() []byte {
		return s.report(a.self, a.next())
	}
}

// next is the number of the next report.
func (a *Agent) next() uint64 {
	a.seq++
	return a.seq
}

// farewell tells or stores the last of it, if that can be done quickly.
func (a *Agent) farewell(s *session) {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	s.Out.Finish(ctx, a.report(s))
}
