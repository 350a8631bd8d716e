package assess

import (
	"errors"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
)

func TestWhenTheNextThingIsDue(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at := func(d time.Duration) time.Time { return now.Add(d) }
	trouble := func(next time.Time, final bool) *owned.Trouble { return &owned.Trouble{Next: next, Final: final} }
	held := func(s *scene, next time.Time) {
		o := s.Own[0]
		o.Want, o.Hold = nil, &owned.Hold{Next: next}
	}
	for name, c := range map[string]struct {
		change func(s *scene)
		fault  *owned.Trouble
		want   time.Time
	}{
		"nothing": {func(*scene) {}, nil, time.Time{}},
		"an object that failed": {func(s *scene) {
			s.Own[0].Trouble = trouble(at(time.Minute),
				false)
		}, nil, at(time.Minute)},
		"one that fails for good": {func(s *scene) { s.Own[0].Trouble = trouble(at(time.Minute), true) },
			nil, time.Time{}},
		"a person was asked": {func(s *scene) { held(s, at(time.Minute)) }, nil, at(time.Minute)},
		"a person was asked, and nothing is deleted": {func(s *scene) { held(s, at(time.Minute)); s.held = "until" }, nil,
			time.Time{}},
		"a controller is yet to notice": {func(s *scene) {
			s.Own[0].Unnoticed = owned.Unnoticed{Until: at(time.Hour)}
		}, nil, at(time.Hour)},
		"a controller has noticed": {func(s *scene) {
			s.Own[0].Unnoticed = owned.Unnoticed{Until: at(-time.Second)}
		}, nil, time.Time{}},
		"the app failed":      {func(*scene) {}, trouble(at(time.Minute), false), at(time.Minute)},
		"a hook takes long":   {func(s *scene) { s.until = at(time.Minute) }, nil, at(time.Minute)},
		"it is to be stored":  {func(s *scene) { s.Dirty = true }, nil, at(saveDelay)},
		"what was due before": {func(s *scene) { s.until = at(-time.Hour) }, nil, at(time.Second)},
		"the first of them": {func(s *scene) { s.until = at(time.Hour); s.Own[0].Trouble = trouble(at(time.Minute), false) },
			trouble(at(2*time.Minute), false), at(time.Minute)},
		"an app that is suspended": {func(s *scene) { s.current.Spec.Suspend, s.Dirty, s.until = true, true, at(time.Hour) },
			trouble(at(time.Minute), false), time.Time{}},
	} {
		s := begin(t)
		c.change(s)
		s.fault = c.fault
		if got := next(s.View(), now); !got.Equal(c.want) {
			t.Errorf("%s: after %s", name, got.Sub(now))
		}
	}
}

func TestWhatWaitsForItsKind(t *testing.T) {
	t.Parallel()
	failed := func(reason agent.Reason) func(*scene) {
		return func(s *scene) { s.Own[0].Trouble = &owned.Trouble{Err: &agent.Failure{Reason: reason}} }
	}
	for name, c := range map[string]struct {
		change func(*scene)
		want   bool
	}{
		"nothing failed":      {func(*scene) {}, false},
		"its kind is unknown": {failed(agent.ReasonKind), true},
		"it was denied":       {failed(agent.ReasonDenied), false},
		"it is suspended":     {func(s *scene) { failed(agent.ReasonKind)(s); s.current.Spec.Suspend = true }, false},
	} {
		s := begin(t)
		c.change(s)
		if s.Schedule(t.Context()); s.Kindless != c.want {
			t.Errorf("%s: %v", name, s.Kindless)
		}
		s.Stop()
	}
}

// View has what the app has and what keeps it from going on.
func TestWhatThePhaseFollowsFrom(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.Scope, s.held = agent.Scope{"shop"}, "until"
	s.fault = &owned.Trouble{Err: errors.New("no")}
	v := s.View()
	if v.Set != &s.set || v.Current != &s.current || v.Fault != s.fault || len(v.Scope) != 1 || v.Held != "until" ||
		v.Fetch != &s.fetch || len(v.Checks) != 0 {
		t.Errorf("%+v", v)
	}
	if s.Report(v).Name != "web" || s.Status(v).Ready != "Unknown" {
		t.Errorf("%+v", s.Status(v))
	}
}
