package deliver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/place"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/internal/shown"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// Config is what an agent is made of.
type Config struct {
	Identity  *credential.Identity
	Namespace string // the agent's own, where its state lives
	Name      string // pod name, or host name outside of a pod
	Image     string // that the pod runs; "" outside of a pod
	Scope     agent.Scope
	Cluster   agent.Cluster
	Objects   func(agent.Access) agent.Objects
	Plugins   agent.PluginHost // nil if there are none
	Store     agent.Store
	Bus       agent.Bus
	Log       *slog.Logger
	Upgrade   upgrade.Upgrade // how it comes to another version of itself
	Term      uint64          // counts the processes that have led; 0 if nobody counts
	Reported  func()          // if not nil, told of every report that reaches the hub
	Outdated  string          // what is wrong with how it was installed, for the report; "" if nothing is
	Shown     *shown.Names    // learns what people are shown for the keys of apps; nil if nobody asks it
}

// outbox is what the outbox of a session is made of; end ends the session.
func (c Config) outbox(end context.CancelCauseFunc) report.Config {
	return report.Config{Cluster: c.Identity.Credential().Cluster, Bus: c.Bus, Keep: c.Store.SaveJournal, End: end, Log: c.Log,
		Reported: c.Reported, Shown: c.Shown}
}

// Agent keeps one cluster as its bundles say.
type Agent struct {
	c    Config
	self protocol.Agent
	seq  uint64 // of the last report
}

// New makes an agent.
func New(c Config) *Agent {
	c.Shown = cmp.Or(c.Shown, shown.New())
	return &Agent{c: c, self: protocol.Agent{Version: version.String(), Identity: c.Name, Image: c.Image, Started: time.Now(), Term: c.Term,
		Renames: true}}
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
		hold := place.Hold{Identity: a.c.Identity, Bus: a.c.Bus, Log: a.c.Log, Self: a.self, Next: a.next, Reported: a.c.Reported}
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

// serve takes bundles one after the other, the newest first, until ctx is done.
func (s *session) serve(ctx context.Context, box *mailbox.Newest) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-box.Full:
			if sealed := box.Take(); sealed != nil {
				s.receive(ctx, sealed)
			}
		}
	}
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

// restore takes up what is stored: the bundle, if it still verifies, and every app with what it owns. From here on
// drift is healed, with or without a hub.
func (s *session) restore(ctx context.Context, st agent.Stored) {
	var bundle *protocol.Bundle
	if st.Envelope != nil {
		who := s.Who.Credential()
		b, err := protocol.VerifyBundle(st.Envelope, who.Cluster, who.SigningKeys())
		if err != nil {
			st.Damaged = append(st.Damaged, agent.Damage{Err: fmt.Errorf("the accepted bundle: %w", err)})
		} else {
			bundle = &b
		}
	}
	message := ""
	for _, d := range st.Damaged {
		message += d.Err.Error() + "; "
	}
	if message != "" {
		s.Damaged = true
		message += "what it held is unknown, so nothing of it is taken back or deleted: the next bundle replaces it, and what nothing wants is searched for"
		s.Log.Warn("a part of the agent's state cannot be read", "err", message)
		s.Notes.With(func() { s.Notes.Message = message })
	}
	for _, a := range st.Apps {
		s.shown.Learn(a.Spec.Declared)
	}
	renamed := 0
	st.Apps, renamed = s.rename(ctx, st.Apps, bundle)
	s.search = s.resumeSearch(ctx, st, bundle)
	for _, a := range st.Apps {
		s.restoreApp(ctx, a)
	}
	uncounted := s.Uncounted()
	if bundle != nil {
		for _, a := range s.take(s.restoreKnown(st.Envelope, *bundle), func(_ *app.App, f func()) { f() }) {
			a.Fetcher.Obtain(bundle.Generation, agent.ErrOffline)
		}
	}
	s.begin(func() {
		for _, a := range uncounted {
			if bundle != nil {
				a.Succeed(bundle.Deletions)
			}
		}
	})
	if s.search != nil {
		s.Crew.Start(func() { s.search.Run(ctx) })
	}
	s.journal.Record(protocol.Event{Kind: protocol.EventStarted, Message: fmt.Sprintf("agent %s took charge with generation %d and %s%s",
		version.String(), s.InForce().Bundle.Generation, phrase.Count(s.Objects.Len(), "object"), goneOn(renamed))})
	s.Crew.Start(func() { s.WatchAll(ctx) })
	s.version.Reconsider()
	s.Crew.Start(func() { s.version.Run(ctx, s.versionFacts, s.sayVersion) })
	s.Out.Changed(false)
}

// goneOn tells how many apps go on under other names.
func goneOn(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s under other names than before, with all that was stored of them", phrase.Count(n, "app"))
}

// begin starts the apps' goroutines. Until then this goroutine alone has what is restored of them. settled is called
// when every object has one owner.
func (s *session) begin(settled func()) {
	apps := s.Board.All()
	tell := func() {
		for _, a := range apps {
			s.Board.Tell(a, a.Summarize())
		}
	}
	tell()
	s.settleOwners(apps)
	settled()
	for _, a := range apps {
		a.SteerAsPlanned()
	}
	tell()
	for _, a := range apps {
		for _, o := range a.Own {
			if o.Item.Scaled {
				s.Scaling.Follow(o.Item.Ref.Namespace)
			}
		}
		a.Resume()
	}
	for _, a := range apps {
		a.Start(s.Life)
		a.Post(a.RelabelHooks)
	}
}

// restoreApp makes an app of what is stored of it.
func (s *session) restoreApp(ctx context.Context, st agent.AppState) {
	a := s.NewApp(st.Spec.Name)
	a.Restore(ctx, st)
	s.Board.Add(a, st.Spec)
	s.Board.Raise(st.Epoch, st.Generation)
	s.Who.Reach(st.Epoch)
}

// settleOwners gives each stored object one owner, where a crash left it in two inventories, and makes sure that every
// object that a plan wants has one.
func (s *session) settleOwners(apps []*app.App) {
	sets := make([]*owned.Set, len(apps))
	for i, a := range apps {
		sets[i] = &a.Set
	}
	owned.SettleOwners(sets)
	for _, a := range apps {
		for ref, o := range a.ByRef {
			o.Claim = s.Objects.Claim(a.Name, ref, nil).Number
			s.Watches.Track(ref)
		}
	}
	for _, a := range apps {
		a.AdoptMissing()
	}
}

// restoreKnown takes up what stayed in force beside the stored bundle, and gives that bundle with the flags in force.
func (s *session) restoreKnown(envelope []byte, b protocol.Bundle) protocol.Bundle {
	b, specs := orders.RestoreKnown(envelope, b)
	for _, spec := range specs {
		a := s.Board.App(spec.Name)
		if a == nil {
			a = s.NewApp(spec.Name)
		}
		a.Spec = spec
		s.Board.Add(a, spec)
	}
	return b
}
