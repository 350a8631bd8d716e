package query

import (
	"testing"

	"github.com/drover-dev/drover/protocol"
)

const (
	cur  = protocol.HealthCurrent
	prog = protocol.HealthProgressing
	degr = protocol.HealthDegraded
	unkn = protocol.HealthUnknown
)

func TestPhasesAreOrderedByHowMuchTheyNeedAPerson(t *testing.T) {
	order := []protocol.Phase{
		protocol.PhaseFailed, protocol.PhaseDegraded, protocol.PhaseApplying, protocol.PhaseWaiting, protocol.PhasePending,
		protocol.PhaseSuspended, protocol.PhaseHealthy,
	}
	for i, a := range order {
		for j, b := range order {
			if got, want := WorsePhase(a, b), i < j; got != want {
				t.Errorf("%s is worse than %s: %t, want %t", a, b, got, want)
			}
		}
	}
	if !WorsePhase("migrating", protocol.PhaseHealthy) || WorsePhase("migrating", protocol.PhaseDegraded) {
		t.Error("a phase of a newer agent stands between those that are well and those that are not")
	}
}

func TestClusterHealthIsThatOfItsWorstApp(t *testing.T) {
	report := func(edits ...func(*protocol.Report)) protocol.Report {
		r := protocol.Report{Generation: 1}
		for _, edit := range edits {
			edit(&r)
		}
		return r
	}
	app := func(h protocol.Health) func(*protocol.Report) {
		return func(r *protocol.Report) { r.Apps = append(r.Apps, protocol.AppReport{Health: h}) }
	}
	for name, c := range map[string]struct {
		report protocol.Report
		want   protocol.Health
	}{
		"no bundle yet":      {report(app(cur), func(r *protocol.Report) { r.Generation = 0 }), unkn},
		"no apps":            {report(), cur},
		"all well":           {report(app(cur), app(cur)), cur},
		"one on its way":     {report(app(cur), app(prog)), prog},
		"one not well":       {report(app(degr), app(prog)), degr},
		"a refused bundle":   {report(app(cur), func(r *protocol.Report) { r.Refused = &protocol.Refusal{} }), degr},
		"one nobody knows":   {report(app(unkn), app(prog)), unkn},
		"a word of tomorrow": {report(app("sleeping"), app(cur)), "sleeping"},
	} {
		if got := ClusterHealth(c.report); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
