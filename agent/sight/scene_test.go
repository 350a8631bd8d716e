package sight

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine is the test's, and that does nothing about what it is told.
type scene struct {
	t *testing.T
	Seer
	set     owned.Set
	act     actor.Actor
	crew    mailbox.Crew
	told    []string
	cluster cluster
}

// app notes what the app is told.
type app struct{ s *scene }

func (a app) tell(what string) { a.s.told = append(a.s.told, what) }

func (a app) Pruned(o *owned.Object) { a.tell("pruned") }
func (a app) Heal(_ context.Context, _ *owned.Object, sg agent.Sighting) {
	if sg.Kind == agent.SightGone {
		a.tell("heal what is gone")
		return
	}
	a.tell("heal")
}
func (a app) Changed(_ context.Context, o *owned.Object, before protocol.Health) {
	a.tell("changed from " + string(before) + " to " + string(o.Health().Health))
}

// cluster answers what Jobs and looks ask.
type cluster struct {
	agent.Cluster
	completed []error                      // answers in their order; nil for "it completed"
	asked     []string                     // the uids that were asked for
	found     chan func(func(fleet.Cause)) // what a look finds
}

func (c *cluster) Completed(_ context.Context, _ protocol.ObjectRef, uid string) (bool, error) {
	c.asked = append(c.asked, uid)
	err := c.completed[0]
	c.completed = c.completed[1:]
	if err == errNotYet {
		return false, nil
	}
	return err == nil, err
}

func (c *cluster) Resolve(context.Context, string, string) (agent.Resource, error) {
	return agent.Resource{}, nil
}

func (c *cluster) Explain(ctx context.Context, _ agent.Resource, _ protocol.ObjectRef, found func(fleet.Cause)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case do := <-c.found:
			if do == nil {
				return nil
			}
			do(found)
		}
	}
}

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, set: owned.NewSet("web"), cluster: cluster{found: make(chan func(func(fleet.Cause)))}}
	s.set.Plan = &plan.Plan{}
	s.act = actor.New(&s.crew, worker{})
	log := slog.New(slog.DiscardHandler)
	looks := watch.NewLooks(&watch.Session{Cluster: &s.cluster, Log: log, Life: t.Context(), Start: s.crew.Start})
	s.Seer = New(Config{Set: &s.set, Actor: &s.act, App: app{s}, Env: Env{Looks: looks, Jobs: &s.cluster, Log: log}})
	return s
}

// until handles messages until something is so.
func (s *scene) until(what string, so func() bool) {
	s.t.Helper()
	limit := time.NewTimer(race.Patience(time.Minute))
	defer limit.Stop()
	if s.HandleUntil(s.t.Context(), limit.C, so); !so() {
		s.t.Fatalf("not so after a minute: %s", what)
	}
}

// hears compares what the app was told since it was asked last.
func (s *scene) hears(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("the app is told %q, not %q", s.told, want)
	}
	s.told = nil
}

// woken says whether a turn is due, and that it was taken.
func (s *scene) woken() bool {
	due := s.TurnDue
	s.TurnDue, s.Running = false, false
	return due
}

var (
	content = agent.SumOf([]byte("content"))
	fields  = agent.SumOf([]byte("fields"))
	others  = agent.SumOf([]byte("fields that another client changed"))
)

// has gives the app an object that was applied at version 5 and is healthy, with changes.
func (s *scene) has(kind string, changes ...func(*owned.Object)) *owned.Object {
	ref := protocol.ObjectRef{Kind: kind, Namespace: "shop", Name: "x"}
	switch kind {
	case "Job":
		ref.Group = "batch"
	case "Deployment":
		ref.Group = "apps"
	}
	o := owned.New(ref, 1)
	o.Want = &plan.Want{Ref: ref, Line: content}
	o.Item.Line, o.Item.Fields = content, fields
	o.Version, o.Present, o.Ours, o.Verdict = 5, true, true, healthy()
	for _, c := range changes {
		c(o)
	}
	s.Insert(o)
	return o
}

func healthy() fleet.Verdict {
	return fleet.Verdict{Health: protocol.HealthCurrent, Message: "it is ready"}
}

func ill() fleet.Verdict {
	return fleet.Verdict{Health: protocol.HealthDegraded, Message: "it crashes"}
}

// unwanted is an object that Git no longer has.
func unwanted(o *owned.Object) { o.Want = nil }

// newer is an object of which Git has newer content, which was not accepted.
func newer(o *owned.Object) { o.Want.Line = agent.SumOf([]byte("newer")) }

// failed is an object that could not be applied for a reason.
func failed(reason agent.Reason) func(*owned.Object) {
	return func(o *owned.Object) {
		o.Trouble = owned.NewTrouble()
		o.Trouble.Note(&agent.Failure{Reason: reason, Text: "no"}, time.Now())
	}
}

// at is a look at a version of the object, with changes.
func at(version uint64, f agent.Sum, changes ...func(*agent.Sighting)) agent.Sighting {
	sg := agent.Sighting{Kind: agent.SightObject, Live: agent.Live{Version: version, Fields: f}, Verdict: healthy()}
	for _, c := range changes {
		c(&sg)
	}
	return sg
}

// gone is the same of an object that is no more.
func gone(version uint64) agent.Sighting {
	return agent.Sighting{Kind: agent.SightGone, Live: agent.Live{Version: version, Fields: fields}}
}
