package assess

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/checks"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/agent/status"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine is the test's.
type scene struct {
	t *testing.T
	Assessor
	set     owned.Set
	current orders.Current
	act     actor.Actor
	fetch   planning.Fetch
	told    []string
	held    string
	until   time.Time // when the hooks are looked at
	ended   error     // of the session
}

// rest takes down what the rest of the app, others and the session are told.
type rest struct{ s *scene }

func (r rest) tell(format string, args ...any) {
	r.s.told = append(r.s.told, fmt.Sprintf(format, args...))
}

func (r rest) Progress(v *status.View) { v.Fetch, v.Held, v.Until = &r.s.fetch, r.s.held, r.s.until }
func (r rest) Emit(e protocol.Event)   { r.tell("event %s of %s: %s", e.Kind, e.App, e.Message) }
func (r rest) Webhooks()               { r.tell("try webhooks") }
func (r rest) Reconsider(app string)   { r.tell("reconsider %s", app) }
func (r rest) Release(app string)      { r.tell("release %s", app) }
func (r rest) Announce()               { r.tell("announce") }

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

// begin is an app that has the ConfigMap x, applied and healthy, and nothing is known of it.
func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, set: owned.NewSet("web")}
	s.act = actor.New(&mailbox.Crew{}, worker{})
	s.current.Spec = protocol.App{Name: "web", Namespace: "shop", Blob: &protocol.Blob{}, Prune: true}
	s.current.Accepted.Known = true
	r := rest{s}
	s.Assessor = New(Config{Set: &s.set, Current: &s.current, Actor: &s.act, App: r, Checks: checks.New(checks.Config{}),
		Retrier: r, Env: Env{Neighbours: r, End: func(err error) { s.ended = err },
			News:        func(urgent bool) { s.urgent(urgent) },
			FollowKinds: func() { r.tell("follow kinds") }}})
	s.set.Plan = &plan.Plan{Wants: []plan.Want{{Ref: mapOf("x"), Line: content}}}
	s.has("x")
	return s
}

// urgent takes down a report that is to be made at once.
func (s *scene) urgent(yes bool) {
	if yes {
		s.told = append(s.told, "report at once")
	}
}

var content = agent.SumOf([]byte("content"))

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}
}

func (s *scene) has(name string) *owned.Object {
	o := owned.New(mapOf(name), 1)
	o.Want = &plan.Want{Ref: mapOf(name), Line: content}
	o.Item.Line, o.Verdict = content, fleet.Verdict{Health: protocol.HealthCurrent}
	s.Insert(o)
	return o
}

// becomes has the object x have a health.
func (s *scene) becomes(h protocol.Health, message string) {
	s.Own[0].Verdict = fleet.Verdict{Health: h, Message: message}
}

// hears compares what was told since it was asked last.
func (s *scene) hears(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("told is %q, not %q", s.told, want)
	}
	s.told = nil
}

// Whatever changes of an app is told to those that wait for it, when the board says it.
func TestAChangeOfThePhaseIsTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.becomes(protocol.HealthProgressing, "it starts")
	s.Condition.AppliedAt = time.Now()
	s.Assess(t.Context())
	if s.hears(); s.Phase != protocol.PhaseWaiting {
		t.Fatalf("it is %s", s.Phase)
	}
	s.TellNow()
	s.hears("reconsider web", "announce", "follow kinds")
	s.Assess(t.Context())
	s.TellNow()
	s.hears()
	s.becomes(protocol.HealthProgressing, "it pulls")
	s.Assess(t.Context())
	s.TellNow()
	s.hears("reconsider web")
	s.becomes(protocol.HealthCurrent, "")
	s.Assess(t.Context())
	s.hears("report at once", "event healthy of web: ", "try webhooks")
	s.TellNow()
	s.hears("reconsider web", "announce", "release web")
	s.becomes(protocol.HealthDegraded, "it crashes")
	s.IllSince = time.Now().Add(-time.Hour)
	s.Assess(t.Context())
	s.hears("report at once", "event degraded of web: ConfigMap/shop/x: it crashes")
}

// A turn assesses its app when it ends.
func TestAnAppInATurnIsNotAssessedBeside(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Running = true
	if s.AssessIdle(t.Context()); s.Phase != "" {
		t.Errorf("it is %s", s.Phase)
	}
	s.Running = false
	if s.AssessIdle(t.Context()); s.Phase != protocol.PhaseHealthy {
		t.Errorf("it is %s", s.Phase)
	}
}

func TestWhatKeepsAnAppFromGoingOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.Fault(t.Context(), errors.New("no space"))
		if s.Phase != protocol.PhaseFailed || s.Message != "no space" || !s.Resting() {
			t.Errorf("it is %s: %s", s.Phase, s.Message)
		}
		time.Sleep(time.Second)
		if s.Resting() {
			t.Error("it is not tried again")
		}
		s.Fault(t.Context(), errors.New("no space"))
		time.Sleep(900 * time.Millisecond)
		if !s.Resting() { // the pauses double
			t.Error("it is tried again as soon as before")
		}
		s.Recovered()
		if s.Assess(t.Context()); s.Phase != protocol.PhaseHealthy || s.Resting() || s.ended != nil {
			t.Errorf("it is %s: %s", s.Phase, s.Message)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if s.Fault(ctx, errors.New("canceled")); s.Resting() {
			t.Error("a session that is over has a fault")
		}
		lost := fmt.Errorf("save: %w", agent.ErrLost)
		if s.Fault(ctx, lost); s.ended != lost {
			t.Errorf("another agent wrote the state, and the session ended with %v", s.ended)
		}
	})
}

// What nobody tells of begins a turn when it is due.
func TestATurnIsTakenWhenSomethingIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.until = time.Now().Add(time.Minute)
		s.Schedule(t.Context())
		time.Sleep(time.Minute - 1)
		if s.drain(); s.TurnDue {
			t.Error("a turn is due too early")
		}
		time.Sleep(2 * time.Nanosecond)
		if s.drain(); !s.TurnDue {
			t.Error("no turn is due")
		}
		s.TurnDue = false
		s.Schedule(t.Context())
		s.Stop()
		time.Sleep(time.Hour)
		if s.drain(); s.TurnDue {
			t.Error("a turn is due of an app that was stopped")
		}
	})
}

// drain handles the messages that there are.
func (s *scene) drain() {
	synctest.Wait()
	last := false
	s.Post(func() { last = true })
	s.HandleUntil(s.t.Context(), nil, func() bool { return last })
}

// Time makes another phase of one that waits, so it has to be looked at then.
func TestTimeMakesAnotherPhase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := begin(t)
		s.current.Spec.Timeout = 60
		s.Restored()
		s.becomes(protocol.HealthProgressing, "it starts")
		s.Assess(t.Context())
		time.Sleep(time.Minute + 1)
		if s.drain(); !s.TurnDue {
			t.Fatal("the timeout is not noticed")
		}
		if s.Assess(t.Context()); s.Phase != protocol.PhaseDegraded {
			t.Errorf("it is %s: %s", s.Phase, s.Message)
		}
	})
}

// Objects of others that are checked are no matter of an app that has them itself.
func TestWhatIsCheckedOfOthers(t *testing.T) {
	t.Parallel()
	s := begin(t)
	bare := protocol.ObjectRef{Kind: "Namespace", Name: "shop"}
	o := owned.New(bare, 1)
	o.Want = &plan.Want{Ref: bare}
	s.Insert(o)
	gone := s.has("gone")
	gone.Want = nil
	named := bare
	named.Namespace = "shop" // as an author wrote it who did not know that the kind has no namespaces
	homeless := mapOf("x")
	homeless.Namespace = ""
	other := mapOf("other")
	got := s.foreign([]protocol.ObjectRef{other, mapOf("x"), homeless, bare, named, mapOf("gone"), other})
	if want := []protocol.ObjectRef{other, mapOf("gone")}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
