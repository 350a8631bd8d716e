package pass

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const waves = `"metadata":{"name":"late","annotations":{"argocd.argoproj.io/sync-wave":"2"}}`

func TestObjectsAreAppliedStageByStage(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(configMap("a"), line("v1", "Namespace", "other"), line("apps/v1", "Deployment", "d"))
	if changed := s.ApplyPart(t.Context(), p, all); changed != 3 {
		t.Errorf("%d changed", changed)
	}
	if i := slices.Index(s.asked, "apply other"); i != 0 || len(s.asked) != 3 {
		t.Errorf("asked is %q", s.asked)
	}
	s.asked = nil
	if changed := s.ApplyPart(t.Context(), p, all); changed != 0 {
		t.Errorf("%d changed once more", changed)
	}
	s.requests()
	if got := s.patches["a"]; string(got.Line) != configMap("a") || got.App != "web" || !got.Polite || got.Try {
		t.Errorf("applied is %+v", got)
	}
}

// What is due, and nothing else: see owned.Object.Due.
func TestWhatIsDueOfAnApp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *scene, o *owned.Object)
		due    bool
	}{
		"it was never applied": {func(*scene, *owned.Object) {}, true},
		"it is applied":        {func(_ *scene, o *owned.Object) { applied(o) }, false},
		"it drifted":           {func(_ *scene, o *owned.Object) { applied(o); o.Drifted = true }, true},
		"it failed just now": {func(_ *scene, o *owned.Object) {
			o.Trouble = owned.NewTrouble()
			o.Trouble.Note(errors.New("no"), time.Now())
		}, false},
		"it waits for another one":    {func(s *scene, o *owned.Object) { s.blocked[o.Item.Ref] = true }, false},
		"Git no longer has it":        {func(_ *scene, o *owned.Object) { o.Want = nil }, false},
		"it is of another app by now": {func(_ *scene, o *owned.Object) { o.Gone = true }, false},
		"it is yet to be handed over": {func(_ *scene, o *owned.Object) { o.Coming = true }, false},
	} {
		s := begin(t)
		p := s.enter(configMap("a"))
		o := s.object("a")
		c.change(s, o)
		changed := s.ApplyPart(t.Context(), p, all)
		if sent := len(s.asked) > 0; sent != c.due || (changed > 0) != c.due || o.Busy {
			t.Errorf("%s: sent %v, %d changed", name, sent, changed)
		}
	}
}

func TestAPartOfAnAppIsApplied(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(configMap("a"), `{"apiVersion":"v1","kind":"ConfigMap",`+waves+`}`)
	if changed := s.Apply(t.Context(), p, 0); changed != 1 {
		t.Errorf("%d changed", changed)
	}
	s.requests("apply a")
	if changed := s.Apply(t.Context(), p, 2); changed != 1 {
		t.Errorf("%d changed", changed)
	}
	s.requests("apply late")
}

// What waited is applied in the same pass as soon as what it waited for is current, and no pass goes on without end.
func TestWhatWaitedFollows(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(configMap("a"), configMap("b"))
	s.blocked[s.object("a").Item.Ref], s.freed = true, 5
	if changed := s.ApplyPart(t.Context(), p, all); changed != 2 {
		t.Errorf("%d changed", changed)
	}
	s.requests("apply b", "apply a")
	if s.freed != 2 { // asked after each of two rounds that sent something, and after the one that sent nothing
		t.Errorf("asked %d times", 5-s.freed)
	}
}

func TestWhatIsIndependentIsAppliedAtOnce(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.together = make(chan struct{}) // each of two requests waits for the other one
	p := s.enter(configMap("a"), configMap("b"), configMap("c"), configMap("d"))
	if changed := s.ApplyPart(t.Context(), p, all); changed != 4 || s.most != cap(s.Slots) {
		t.Errorf("%d changed, %d at once", changed, s.most)
	}
}

// An object that is busy is applied when it is free, if it is still due then.
func TestABusyObjectIsAppliedWhenItIsFree(t *testing.T) {
	t.Parallel()
	for name, healed := range map[string]bool{"still due": false, "healed meanwhile": true} {
		s := begin(t)
		p := s.enter(configMap("a"))
		o := s.object("a")
		applied(o)
		o.Drifted, o.Busy = true, true
		go s.Do(func() {
			o.Busy, o.Drifted = false, !healed
			o.Proceed()
		})
		changed := s.ApplyPart(t.Context(), p, all)
		if sent := len(s.asked) > 0; sent == healed || (changed > 0) == healed {
			t.Errorf("%s: sent %v, %d changed", name, sent, changed)
		}
	}
}

func TestWhatFailsIsToldAndTheRestIsApplied(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.refuses["a"] = &agent.Failure{Reason: agent.ReasonDenied, Text: "the policy says no"}
	p := s.enter(configMap("a"), configMap("b"))
	if changed := s.ApplyPart(t.Context(), p, all); changed != 1 || s.object("b").Pending() {
		t.Errorf("%d changed", changed)
	}
	s.hears("a failed: the policy says no")
}

// Nothing is sent for a session that is over.
func TestAPassEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(configMap("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if changed := s.ApplyPart(ctx, p, all); changed != 0 {
		t.Errorf("%d changed", changed)
	}
	s.requests()
}

// A pass goes on after its definitions without a wait where they are established at once.
func TestDefinitionsComeBeforeTheirObjects(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(configMap("a"), line("apiextensions.k8s.io/v1", "CustomResourceDefinition", "things.example.com"))
	s.object("things.example.com").Verdict = fleet.Verdict{Health: protocol.HealthCurrent}
	s.ApplyPart(t.Context(), p, all)
	s.requests("apply things.example.com", "apply a")
}

// Objects of a kind that is being defined are applied when the definition is established, or after a while.
func TestAnAppWaitsForItsDefinitions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		health protocol.Health // of the definition, after a second
		took   time.Duration
	}{
		"it is established":       {protocol.HealthCurrent, time.Second},
		"it never is established": {protocol.HealthProgressing, establishTime},
		"it is not accepted":      {protocol.HealthDegraded, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, start := begin(t), time.Now()
				ref := protocol.ObjectRef{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "x"}
				o := owned.New(ref, 1)
				o.Want, o.Verdict = &plan.Want{Ref: ref}, fleet.Verdict{Health: protocol.HealthProgressing}
				s.Insert(o)
				s.Insert(&owned.Object{Item: agent.Item{Ref: protocol.ObjectRef{Kind: "ConfigMap", Name: "a"}},
					Want: &plan.Want{}, Sighted: owned.Sighted{Verdict: o.Verdict}}) // which nothing waits for
				time.AfterFunc(time.Second, func() { s.Post(func() { o.Verdict.Health = c.health }) })
				s.awaitDefinitions(t.Context())
				if took := time.Since(start); took != c.took {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}
