package sight

import (
	"testing"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func verdict(h protocol.Health) func(*owned.Object) {
	return func(o *owned.Object) { o.Verdict.Health = h }
}

func TestWhatIsLookedInto(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   string
		change func(*owned.Object)
		want   bool
	}{
		"a Deployment that is degraded": {"Deployment", verdict(protocol.HealthDegraded), true},
		"one that is on its way":        {"Deployment", verdict(protocol.HealthProgressing), true},
		"one that is well":              {"Deployment", verdict(protocol.HealthCurrent), false},
		"one that is paused":            {"Deployment", verdict(protocol.HealthPaused), false},
		"a kind that has no pods":       {"ConfigMap", verdict(protocol.HealthDegraded), false},
		"one that Git no longer has":    {"Deployment", func(o *owned.Object) { o.Verdict = ill(); unwanted(o) }, false},
		"one that is not there":         {"Deployment", func(o *owned.Object) { o.Verdict, o.Present = ill(), false }, false},
		"one that is being deleted":     {"Deployment", func(o *owned.Object) { o.Verdict, o.Deleting = ill(), true }, false},
	} {
		s := begin(t)
		o := s.has(c.kind, c.change)
		if s.Inquire(t.Context(), o); (o.Look != nil) != c.want {
			t.Errorf("%s: looked into: %v", name, o.Look != nil)
		}
		s.Running, o.Look = true, nil
		if s.Inquire(t.Context(), o); o.Look != nil {
			t.Errorf("%s: a look begins in the middle of a turn", name)
		}
	}
}

// What a look finds belongs to the generation of the object that it looked into.
func TestAnotherGenerationIsLookedIntoAgain(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has("Deployment", verdict(protocol.HealthDegraded))
	s.Inquire(t.Context(), o)
	first := o.Look
	if s.Inquire(t.Context(), o); o.Look != first {
		t.Error("the same generation is looked into again")
	}
	o.Generation++
	s.Running = true // a look that was begun goes on
	if s.Inquire(t.Context(), o); o.Look == first || o.Look == nil || o.Look.Generation != o.Generation {
		t.Error("the next generation is not looked into")
	}
}

// An object may say that it failed before the look into it hears why: a new look is sure to find that, and until then
// nobody is told of the failure.
func TestWhatTurnsWorseIsLookedIntoAgain(t *testing.T) {
	t.Parallel()
	starts := fleet.Cause{Health: protocol.HealthProgressing, What: "the pod is being started"}
	crash := fleet.Cause{Health: protocol.HealthDegraded, What: "container app crashes", Restarts: 3}
	for name, c := range map[string]struct {
		cause fleet.Cause
		again bool
	}{
		"nothing was found":              {fleet.Cause{}, true},
		"what says nothing of a failure": {starts, true},
		"the cause":                      {crash, false},
	} {
		s := begin(t)
		o := s.has("Deployment", verdict(protocol.HealthProgressing))
		s.Inquire(t.Context(), o)
		first := o.Look
		s.until("the look has its turn", func() bool { return s.Looks.First(o.Look.Look) })
		s.found(t.Context(), o, first, 1, c.cause)
		verdict(protocol.HealthDegraded)(o)
		s.Inquire(t.Context(), o)
		if again := o.Look != first; again != c.again {
			t.Errorf("%s: looked into again: %t", name, again)
		}
		s.until("the look has its turn", func() bool { return o.Look == first || s.Looks.First(o.Look.Look) })
		if untold := o.Health().Health == protocol.HealthProgressing; untold != c.again {
			t.Errorf("%s: it is %+v", name, o.Health())
		}
		last := o.Look
		if s.Inquire(t.Context(), o); o.Look != last {
			t.Errorf("%s: it is looked into a third time", name)
		}
	}
}

func TestWhatALookFindsIsTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has("Deployment", verdict(protocol.HealthProgressing))
	s.Inquire(t.Context(), o)
	finds := func(c fleet.Cause) {
		t.Helper()
		s.cluster.found <- func(found func(fleet.Cause)) { found(c) }
		s.until("the cause is taken down", func() bool { return o.Look == nil || o.Look.Cause == c })
	}
	crash := fleet.Cause{Health: protocol.HealthDegraded, What: "container app crashes", Restarts: 3}
	finds(crash)
	s.hears("changed from progressing to degraded")
	if v := o.Health(); v.Health != protocol.HealthDegraded || v.Message == o.Verdict.Message {
		t.Errorf("it is %+v", v)
	}
	finds(crash)
	s.hears()
	o.Verdict = healthy() // a container that restarted has not been seen to run for long
	if s.Inquire(t.Context(), o); o.Look == nil {
		t.Fatal("a crash is forgotten as soon as the container starts")
	}
	finds(fleet.Cause{Health: protocol.HealthCurrent, What: "it runs"})
	if s.hears("changed from degraded to current"); o.Look != nil {
		t.Error("it is looked into although it is well")
	}
}

func TestALookThatEndsIsForgotten(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has("Deployment", verdict(protocol.HealthDegraded))
	s.Inquire(t.Context(), o)
	s.until("the look has its turn", func() bool { return s.Looks.First(o.Look.Look) })
	if o.Health().Health != protocol.HealthProgressing { // it is not said before the cause is
		t.Fatalf("it is %+v", o.Health())
	}
	look := o.Look
	s.cluster.found <- nil
	s.until("the look ended", func() bool { return len(s.told) > 0 })
	s.hears("changed from progressing to degraded")
	s.looked(t.Context(), o, look, 1)
	s.found(t.Context(), o, look, 1, fleet.Cause{Health: protocol.HealthCurrent})
	if s.hears(); look.Cause != (fleet.Cause{}) {
		t.Error("a turn that ended tells something")
	}
	o.Unlook()
	s.Inquire(t.Context(), o)
	if s.found(t.Context(), o, look, 1, fleet.Cause{Health: protocol.HealthCurrent}); o.Look.Cause != (fleet.Cause{}) {
		t.Error("a look that was forgotten tells something")
	}
}
