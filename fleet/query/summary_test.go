package query

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestSummarize(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	reported := func(generation uint64, apps ...protocol.AppReport) *protocol.Report {
		r := &protocol.Report{Generation: generation, Apps: apps}
		r.Drift.Corrected = 2
		return r
	}
	healthy := protocol.AppReport{Name: "web", Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Objects: 3,
		Current: 3}
	failed := protocol.AppReport{Name: "db", Phase: protocol.PhaseFailed, Health: protocol.HealthDegraded,
		Reason: protocol.ReasonQuotaExceeded, Objects: 2, Current: 1}
	s := Summarize([]Cluster{
		{Name: "a", Joined: true, Link: Link{Connected: true}, Desired: Desired{Generation: 1}, Report: reported(1, healthy),
			Received: now.Add(-time.Minute), Untaken: Untaken{Count: 4}},
		{Name: "b", Joined: true, Desired: Desired{Generation: 2}, Report: reported(1, healthy, failed), Suspended: true,
			Received: now.Add(-time.Hour)},
		{Name: "c", Joined: true, Link: Link{Connected: true}, Desired: Desired{Generation: 1}},
		{Name: "d"},
		{Name: "e", Released: now, Report: reported(1), Received: now},
		{Name: "f", Joined: true, Link: Link{Connected: true}, Desired: Desired{Generation: 1}, Report: reported(1),
			Received: now.Add(time.Minute)}, // by a clock that was set back
	}, now)
	for state, want := range map[State]int{StateConnected: 3, StateOffline: 1, StateAwaiting: 1, StateReleased: 1} {
		if s.States[state] != want {
			t.Errorf("%d clusters are %s, want %d", s.States[state], state, want)
		}
	}
	want := map[Work]int{{protocol.PhaseHealthy, ""}: 2, {protocol.PhaseFailed, protocol.ReasonQuotaExceeded}: 1}
	if !maps.Equal(s.Apps, want) {
		t.Errorf("apps: %v, want %v", s.Apps, want)
	}
	if s.Unsynced != 2 || s.Suspended != 1 || s.Untaken != 4 || s.Drift != 8 || s.Objects != (Count{7, 8}) {
		t.Errorf("%+v", s)
	}
	if !slices.Equal(s.Ages, []time.Duration{0, time.Minute, time.Hour}) {
		t.Errorf("ages: %v", s.Ages)
	}
}

// An agent may say any phase, health and reason: what is counted by them stays small.
func TestASummaryIsBounded(t *testing.T) {
	t.Parallel()
	r := &protocol.Report{Generation: 1}
	for i := range 500 {
		word := fmt.Sprint("made up ", i)
		r.Apps = append(r.Apps, protocol.AppReport{Name: word, Phase: protocol.Phase(word), Health: protocol.Health(word),
			Reason: protocol.Reason(word)})
	}
	s := Summarize([]Cluster{{Name: "a", Joined: true, Desired: Desired{Generation: 1}, Report: r}}, time.Now())
	if got := s.Apps[Work{Other, Other}]; len(s.Apps) != 1 || got != 500 || len(s.Healths) != 1 {
		t.Errorf("apps are counted by %d, healths by %d; %d apps are other", len(s.Apps), len(s.Healths), got)
	}
}
