package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/report"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/internal/phrase"
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
	Plugins   agent.Plugins // nil if there are none
	Store     agent.Store
	Bus       agent.Bus
	Log       *slog.Logger
	Upgrade   upgrade.Upgrade // how it comes to another version of itself
	Term      uint64          // counts the processes that have led; 0 if nobody counts
	Reported  func()          // if not nil, told of every report that reaches the hub
	Outdated  string          // what is wrong with how it was installed, for the report; "" if nothing is
}

// outbox is what the outbox of a session is made of; end ends the session.
func (c Config) outbox(end context.CancelCauseFunc) report.Config {
	return report.Config{Cluster: c.Identity.Credential().Cluster, Bus: c.Bus, Keep: c.Store.SaveJournal, End: end, Log: c.Log,
		Reported: c.Reported}
}

// Agent keeps one cluster as its bundles say.
type Agent struct {
	c    Config
	self protocol.Agent
	seq  uint64 // of the last report
}

// New makes an agent.
func New(c Config) *Agent {
	return &Agent{c: c, self: protocol.Agent{Version: version.String(), Identity: c.Name, Image: c.Image, Started: time.Now(), Term: c.Term}}
}

// Run keeps the cluster until ctx is done. Whoever calls it has made sure that no other agent does.
func (a *Agent) Run(ctx context.Context) error {
	pause := backoff.Backoff{Min: time.Second, Max: 30 * time.Second}
	for ctx.Err() == nil {
		start := time.Now()
		err := a.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(start) > time.Minute {
			pause.Reset()
		}
		a.c.Log.Warn("the agent begins anew from what is stored in the cluster", "err", err)
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
		return a.hold(ctx, belongs)
	}
	c := a.c
	c.Log = c.Log.With("cluster", c.Identity.Credential().Cluster)
	out := report.New(c.outbox(end), time.Now())
	out.Restore(stored.Journal, stored.JournalErr)
	s := newSession(ctx, c, out, end)
	box := newMailbox()
	bus := make(chan error, 1)
	busCtx, stopBus := context.WithCancel(context.WithoutCancel(parent)) // outlives the work, for the final report
	defer stopBus()
	go func() {
		err := a.c.Bus.Run(busCtx, box.put, s.connected, s.asked)
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
			err = a.lookAround(ctx)
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
		a.seq++
		return s.report(a.self, a.seq)
	}
}

// farewell tells or stores the last of it, if that can be done quickly.
func (a *Agent) farewell(s *session) {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	s.out.Finish(ctx, a.report(s))
}

// serve takes bundles one after the other, the newest first, until ctx is done.
func (s *session) serve(ctx context.Context, box *mailbox) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-box.full:
			if sealed := box.take(); sealed != nil {
				s.receive(ctx, sealed)
			}
		}
	}
}

// connected is told by the bus.
func (s *session) connected(yes bool) {
	s.mu.Lock()
	select {
	case <-s.online:
		if !yes {
			s.online = make(chan struct{})
		}
	default:
		if yes {
			close(s.online)
		}
	}
	s.mu.Unlock()
	s.version.Reconsider()
	s.out.Connected(yes)
}

// awaitSynced waits until every watch has listed, for some time.
func (s *session) awaitSynced(ctx context.Context, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		s.mu.Lock()
		synced, moved := true, s.moved
		for _, k := range s.kinds {
			synced = synced && k.synced
		}
		s.mu.Unlock()
		if synced {
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
		who := s.who.Credential()
		b, err := protocol.VerifyBundle(st.Envelope, who.Cluster, who.SigningKeys())
		if err != nil {
			st.Damaged = append(st.Damaged, agent.Damage{Err: fmt.Errorf("the accepted bundle: %w", err)})
		} else {
			bundle = &b
		}
	}
	s.mu.Lock()
	for _, d := range st.Damaged {
		s.message += d.Err.Error() + "; "
	}
	if s.message != "" {
		s.damaged = true
		s.message += "what it held is unknown, so nothing of it is taken back or deleted: the next bundle replaces it, and what nothing wants is searched for"
		s.log.Warn("a part of the agent's state cannot be read", "err", s.message)
	}
	s.mu.Unlock()
	s.resumeSearch(ctx, st, bundle)
	for _, a := range st.Apps {
		s.restoreApp(ctx, a)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	uncounted := s.uncounted()
	if bundle != nil {
		for _, a := range s.take(s.restoreKnown(st.Envelope, *bundle)) {
			s.obtain(ctx, a, bundle.Generation, agent.ErrOffline)
		}
	}
	s.settleOwners()
	if bundle != nil {
		for _, a := range uncounted {
			a.succeed(bundle.Deletions)
		}
	}
	for _, a := range s.apps {
		if a.plan != nil {
			a.steers = a.plan.Steers()
		}
	}
	s.resteer(ctx)
	s.resumeScalers(ctx)
	for _, a := range s.ordered() {
		a.told, a.appliedAt = protocol.EventHealthy, time.Now()
		s.kick(ctx, a)
	}
	s.emit(protocol.Event{Kind: protocol.EventStarted, Message: fmt.Sprintf("agent %s took charge with generation %d and %s",
		version.String(), s.accepted.bundle.Generation, phrase.Count(len(s.all), "object"))})
	s.spawn(func() { s.watchAll(ctx) })
	s.version.Reconsider()
	s.spawn(func() { s.version.Run(ctx, s.versionFacts, s.sayVersion) })
	s.out.Changed(false)
}

// watchAll starts the watches of all kinds that there are objects of.
func (s *session) watchAll(ctx context.Context) {
	versions := map[agent.Watched]string{}
	s.mu.Lock()
	for ref, o := range s.all {
		if !s.scope.Outside(ref) {
			versions[s.scope.Covering(ref)] = o.item.APIVersion
		}
	}
	for ref, l := range s.hooks {
		versions[s.scope.Covering(ref)] = l.apiVersion
	}
	s.mu.Unlock()
	for key, apiVersion := range versions {
		res, err := s.cluster.Resolve(ctx, apiVersion, key.Kind)
		s.mu.Lock()
		if err == nil {
			s.watch(ctx, res, key)
		} else {
			s.unserved(ctx, key)
		}
		s.mu.Unlock()
	}
}

// unserved is for objects whose kind the cluster no longer has: they are not there, and are applied when it has it
// again. s.mu is held.
func (s *session) unserved(ctx context.Context, key agent.Watched) {
	s.watchOf(key).synced = true
	for ref, o := range s.all {
		if s.scope.Covering(ref) == key && o.want != nil && !o.ended() {
			o.drifted = true
			s.kick(ctx, o.app)
		}
	}
	s.announce()
}

// restoreApp makes an app of what is stored of it.
func (s *session) restoreApp(ctx context.Context, st agent.AppState) {
	a := &app{name: st.Spec.Name, scope: s.scope, spec: st.Spec, budget: budget{deleted: st.Deleted, granted: st.Granted}}
	unusable := protocol.ReasonContentUnusable
	p, err := s.restorePlan(ctx, a, st)
	if why := plan.Unmet(st.Spec); why != "" { // a newer agent stored it
		p, err, unusable = nil, errors.New(why), protocol.ReasonAgentTooOld
	}
	lasts := s.restoreLast(ctx, a, st)
	s.mu.Lock()
	defer s.mu.Unlock()
	a.lasts = lasts
	s.apps[a.name] = a
	s.accepted.raise(st.Epoch, st.Generation)
	s.who.Reach(st.Epoch)
	wants := map[protocol.ObjectRef]*plan.Want{}
	if err != nil {
		a.unfit = fact(unusable, fmt.Sprintf("what is stored of it cannot be used: %v", err))
		if errors.As(err, new(*lacking)) {
			a.spare, a.spareDigest = st.Packed, st.Spec.Blob.Digest
		}
		s.log.Warn("the stored objects of an app cannot be used; they are had anew from the hub", "app", a.name, "err", err)
	} else {
		if st.Run.Ahead() && p.DeliveredBy(st.Run) { // its hooks go on, before it comes into force
			a.next = p
		}
		if a.next == nil || !st.Run.Install {
			a.plan, a.settings = p, settingsOf(p.Spec())
		}
		for i := range p.Wants {
			wants[p.Wants[i].Ref] = &p.Wants[i]
		}
	}
	s.resume(a, st.Run)
	for _, item := range st.Items {
		if a.plan.Hooked(item.Ref) { // an agent that knew no hooks applied it
			a.dirty = true
			continue
		}
		o := &object{item: item, app: a, want: wants[item.Ref], verdict: unseen}
		a.own = append(a.own, o)
	}
}

var unseen = fleet.Verdict{Health: protocol.HealthUnknown, Message: "it was not looked at yet"}

func (s *session) restorePlan(ctx context.Context, a *app, st agent.AppState) (*plan.Plan, error) {
	if st.Spec.Blob == nil {
		return nil, errors.New("there is no blob")
	}
	lines, err := agent.Unpack(st.Packed, st.Spec.Blob.Size)
	if err != nil {
		return nil, err
	}
	if err := protocol.CheckBlob(*st.Spec.Blob, lines); err != nil {
		return nil, err
	}
	pause := backoff.Backoff{Min: time.Second, Max: 30 * time.Second}
	for {
		p, err := s.makePlan(ctx, a, st, lines)
		if agent.ReasonOf(err) != agent.ReasonUnreachable {
			return p, err
		}
		if err := pause.Wait(ctx, nil); err != nil {
			return nil, err
		}
	}
}

func (s *session) makePlan(ctx context.Context, a *app, st agent.AppState, lines []byte) (*plan.Plan, error) {
	t, err := s.transformFor(ctx, a, st.Spec, lines)
	if err != nil {
		return nil, err
	}
	p, err := plan.Read(ctx, plan.Source{Spec: st.Spec, Epoch: st.Epoch, Generation: st.Generation,
		Packed: st.Packed, Lines: lines}, t)
	if err != nil {
		return nil, err
	}
	s.define(p)
	return p.Place(ctx, s.resolve, s.scope)
}

// settleOwners gives each stored object one owner, where a crash left it in two inventories, and sees to it that
// every object that a plan wants has one. s.mu is held.
func (s *session) settleOwners() {
	for _, a := range s.ordered() {
		for _, o := range append([]*object(nil), a.own...) {
			other := s.all[o.item.Ref]
			switch {
			case other == nil:
				s.track(o)
			case other.want == nil && o.want != nil, o.want != nil && a.plan.Later(other.app.plan):
				other.app.disown(other)
				s.all[o.item.Ref] = o
				o.inherit(other.app)
			default:
				a.disown(o)
				other.inherit(a)
			}
		}
	}
	for _, a := range s.ordered() {
		if a.plan == nil {
			continue
		}
		for i := range a.plan.Wants {
			if o := s.all[a.plan.Wants[i].Ref]; o == nil || o.app != a {
				s.claim(a, &a.plan.Wants[i])
			}
		}
		a.sort()
	}
}
