package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

var errAwaited = errors.New("an input is not there")

// scene is an app whose goroutine is the test's. It makes the plans that the test says.
type scene struct {
	t *testing.T
	Fetcher
	set      owned.Set
	current  orders.Current
	act      actor.Actor
	crew     mailbox.Crew
	log      strings.Builder
	assessed int
	known    []string           // apps of which others were told
	outdated map[string]bool    // plans, by their digest
	makes    chan any           // what a try gives: a plan, or an error
	wants    chan planning.Want // what a try is made of
	before   chan error         // why a fetching was begun
}

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, set: owned.NewSet("web"), outdated: map[string]bool{}, makes: make(chan any),
		wants: make(chan planning.Want, 9), before: make(chan error, 9)}
	s.act = actor.New(&s.crew, worker{})
	s.current.Spec = protocol.App{Name: "web", Namespace: "shop", Blob: &protocol.Blob{Digest: "new"}}
	s.current.Accepted.Bundle.Epoch, s.current.Accepted.Bundle.Generation = 2, 7
	s.Fetcher = New(Config{Set: &s.set, Current: &s.current, Actor: &s.act, App: s, Env: Env{Life: t.Context(), Maker: s,
		Namespace: "drover", Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Known: func(app string) { s.known = append(s.known, app) }}})
	return s
}

func (s *scene) Assess(context.Context) { s.assessed++ }

func (s *scene) Outdated(p *plan.Plan) bool { return s.outdated[p.Digest] }
func (s *scene) Awaits(err error) bool      { return errors.Is(err, errAwaited) }

func (s *scene) Retry(ctx context.Context, before error, try func(context.Context) bool) {
	s.before <- before
	for ctx.Err() == nil && !try(ctx) {
	}
}

func (s *scene) Make(ctx context.Context, w planning.Want) (*plan.Plan, error) {
	s.wants <- w
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case x := <-s.makes:
		if err, failed := x.(error); failed {
			return nil, err
		}
		return x.(*plan.Plan), nil
	}
}

// gives has the next try give something, and waits until it did.
func (s *scene) gives(x any) {
	s.t.Helper()
	s.Await(s.t.Context(), func() { s.makes <- x })
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

// fetching says whether plans are tried. It ends that.
func (s *scene) fetching() bool {
	s.Stop()
	s.Await(s.t.Context(), s.crew.Close)
	s.crew = mailbox.Crew{}
	select {
	case <-s.before:
		return true
	default:
		return false
	}
}

func TestAPlanIsTriedUntilItIsThere(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Obtain(7, agent.ErrOffline)
	if !strings.Contains(s.Fetching, agent.ErrOffline.Error()) || s.assessed != 0 {
		t.Errorf("it waits for %q", s.Fetching)
	}
	s.gives(errors.New("altered"))
	s.until("the failure is taken down", func() bool { return s.assessed == 1 })
	if !strings.Contains(s.Unfit.Text, "altered") || s.Fetching != "" || s.TurnDue {
		t.Errorf("it is %+v", s.Unfit)
	}
	s.outdated["old"] = true
	s.gives(&plan.Plan{Digest: "old"})
	p := &plan.Plan{Digest: "new"}
	s.gives(p)
	s.until("the plan is next", func() bool { return s.Next == p })
	if s.Unfit.Known() || !s.TurnDue || len(s.known) > 0 {
		t.Errorf("it is %+v, known %q", s.Unfit, s.known)
	}
	if s.TellNow(); len(s.known) != 1 || s.known[0] != "web" {
		t.Errorf("others are told of %q", s.known)
	}
	if before := <-s.before; !errors.Is(before, agent.ErrOffline) {
		t.Errorf("it was begun for %v", before)
	}
	if w := <-s.wants; w.Spec.Name != "web" || w.Epoch != 2 || w.Generation != 7 || !w.Received.IsZero() {
		t.Errorf("it is made of %+v", w)
	}
}

// A watch tells of an input that is not there: nothing is tried before.
func TestAnInputIsAwaited(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Obtain(7, errAwaited)
	if s.fetching() {
		t.Error("it is tried without the input")
	}
	s.Obtain(7, nil)
	s.gives(errAwaited)
	s.until("the failure is taken down", func() bool { return s.assessed == 1 })
	s.Await(t.Context(), s.crew.Close) // which is the last try
	if len(s.wants) != 1 {
		t.Errorf("%d tries", len(s.wants))
	}
}

// What comes of a fetching that was ended is not taken.
func TestAnEndedFetchingChangesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Obtain(7, nil)
	s.Await(t.Context(), func() { <-s.wants })
	s.Stop()
	s.Await(t.Context(), s.crew.Close)
	if s.Next != nil || s.assessed > 0 || s.Fetching != "" {
		t.Errorf("next is %v, and it waits for %q", s.Next, s.Fetching)
	}
}

func TestAPlanOfTheBundleIsDelivered(t *testing.T) {
	t.Parallel()
	for name, outdated := range map[string]bool{"its inputs are as they were": false, "an input changed": true} {
		s := begin(t)
		s.outdated["new"], s.Fetching = outdated, "old"
		p := &plan.Plan{Digest: "new"}
		if s.Deliver(p); s.Next != p || !s.Took || s.Fetching != "" {
			t.Errorf("%s: next is %v", name, s.Next)
		}
		if s.fetching() != outdated {
			t.Errorf("%s: it is made again: %v", name, !outdated)
		}
	}
}

func TestWhatAPlanIsMadeOf(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Plan, s.Spare = &plan.Plan{Digest: "old"}, planning.Spare{Digest: "stored"}
	received := time.Unix(9, 0)
	w := s.Source(8, received)
	if w.Had != s.Plan || w.Spare.Digest != "stored" || w.Generation != 8 || w.Received != received ||
		w.Spec.Name != "web" {
		t.Errorf("%+v", w)
	}
}

// planOf is a plan that was made with version 3 of the app's variables.
func (s *scene) planOf() *plan.Plan {
	s.t.Helper()
	text := []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`)
	spec := s.current.Spec
	spec.Blob = &protocol.Blob{Digest: "new", Objects: 1, Size: int64(len(text))}
	tr, err := plan.NewTransform(nil, nil, spec.Substitute, []plan.Input{{Ref: vars, Version: 3}})
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := plan.Read(s.t.Context(), plan.Source{Spec: spec, Lines: text, Packed: agent.Pack(text)}, tr)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

var vars = protocol.VarsRef{Kind: "ConfigMap", Namespace: "shop", Name: "vars"}

// A plan is made again when an input changed that it was made with.
func TestAnInputThatChanges(t *testing.T) {
	t.Parallel()
	other := vars
	other.Name = "other"
	for name, c := range map[string]struct {
		change  func(*scene)
		ref     protocol.VarsRef
		version uint64
		want    bool
	}{
		"it is another than the plan in force took": {func(s *scene) { s.Plan = s.planOf() }, vars, 4, true},
		"it is gone":                              {func(s *scene) { s.Plan = s.planOf() }, vars, 0, true},
		"it is the one that it took":              {func(s *scene) { s.Plan = s.planOf() }, vars, 3, false},
		"it is the one that the next plan took":   {func(s *scene) { s.Next = s.planOf() }, vars, 3, false},
		"the plan in force is of another content": {func(s *scene) { s.Plan = &plan.Plan{Digest: "old"} }, vars, 3, true},
		"nothing was made yet":                    {func(*scene) {}, vars, 3, true},
		"the app takes nothing from it":           {func(*scene) {}, other, 3, false},
		"the app left":                            {func(s *scene) { s.current.Leaving = true }, vars, 3, false},
		"the bundle has no blob for it":           {func(s *scene) { s.current.Spec.Blob = nil }, vars, 3, false},
		"the app needs a newer agent": {func(s *scene) { s.current.Spec.Needs = []string{"magic"} }, vars, 3,
			false},
	} {
		s := begin(t)
		s.current.Spec.Substitute = &protocol.Substitution{From: []protocol.VarsRef{vars}}
		c.change(s)
		s.Supplied(c.ref, c.version)
		if got := s.fetching(); got != c.want {
			t.Errorf("%s: made again: %v", name, got)
		}
	}
}

func TestWhatIsStoredAndInvalid(t *testing.T) {
	t.Parallel()
	lacking := fmt.Errorf("make it: %w", &input.Lacking{Ref: vars})
	for name, c := range map[string]struct {
		err    error
		needs  []string
		reason protocol.Reason
		spare  string
	}{
		"it is damaged":         {errors.New("no zstd"), nil, protocol.ReasonContentUnusable, ""},
		"an input is not there": {lacking, nil, protocol.ReasonContentUnusable, "stored"},
		"a newer agent made it": {errors.New("it needs magic"), []string{"magic"}, protocol.ReasonAgentTooOld, ""},
	} {
		s := begin(t)
		st := agent.AppState{Packed: []byte("packed"), Spec: protocol.App{Blob: &protocol.Blob{Digest: "stored"}}}
		st.Spec.Needs = c.needs
		s.Unusable(st, c.err)
		want := "what is stored of it cannot be used: " + c.err.Error()
		if s.Unfit.Reason != c.reason || s.Unfit.Text != want || s.Spare.Digest != c.spare {
			t.Errorf("%s: %+v, %+v", name, s.Unfit, s.Spare)
		}
		if !strings.Contains(s.log.String(), "app=web") {
			t.Errorf("%s: the log says %q", name, s.log.String())
		}
	}
}
