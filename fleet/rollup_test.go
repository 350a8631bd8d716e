package fleet

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

const (
	cur  = protocol.HealthCurrent
	prog = protocol.HealthProgressing
	degr = protocol.HealthDegraded
	unkn = protocol.HealthUnknown
)

func TestWorstHealthWins(t *testing.T) {
	for _, c := range []struct {
		of   []protocol.Health
		want protocol.Health
	}{
		{nil, cur}, // nothing is wrong with nothing
		{[]protocol.Health{cur, cur}, cur},
		{[]protocol.Health{cur, prog}, prog},
		{[]protocol.Health{prog, unkn, cur}, unkn},
		{[]protocol.Health{unkn, degr, prog}, degr},
		{[]protocol.Health{degr, cur}, degr},
		{[]protocol.Health{cur, paus, cur}, paus},
		{[]protocol.Health{paus, prog}, prog}, // time still decides about what is progressing
		{[]protocol.Health{degr, paus}, degr},
		{[]protocol.Health{cur, "sleeping"}, "sleeping"}, // a word of a newer agent counts as not known
		{[]protocol.Health{"sleeping", degr}, degr},
	} {
		if got := Worst(c.of...); got != c.want {
			t.Errorf("the worst of %v is %s, want %s", c.of, got, c.want)
		}
	}
}

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

func TestHealthOfAPhase(t *testing.T) {
	for _, c := range []struct {
		phase         protocol.Phase
		objects, want protocol.Health
	}{
		{protocol.PhaseFailed, cur, degr}, {protocol.PhaseDegraded, cur, degr}, {protocol.PhaseFailed, unkn, degr},
		{protocol.PhasePending, cur, prog}, {protocol.PhaseApplying, cur, prog}, {protocol.PhaseWaiting, degr, degr},
		{protocol.PhaseHealthy, cur, cur}, {protocol.PhaseSuspended, prog, prog}, {"migrating", unkn, unkn},
	} {
		if got := HealthOfPhase(c.phase, c.objects); got != c.want {
			t.Errorf("an app that is %s with objects that are %s is %s, want %s", c.phase, c.objects, got, c.want)
		}
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

func TestVariablesOfAnAppGoBeforeTheClusters(t *testing.T) {
	c := Cluster{Vars: map[string]string{"region": "eu", "size": "small"}}
	a := App{Vars: map[string]string{"size": "large", "extra": "x"}}
	got := a.Variables(c)
	if len(got) != 3 || got["region"] != "eu" || got["size"] != "large" || got["extra"] != "x" {
		t.Errorf("the variables are %v", got)
	}
	if c.Vars["size"] != "small" || len(a.Vars) != 2 {
		t.Error("what the variables come from was changed")
	}
}

func TestAppsAreOrderedByName(t *testing.T) {
	apps := []App{{Name: "b"}, {Name: "root"}, {Name: "a"}}
	slices.SortFunc(apps, CompareApps)
	if apps[0].Name != "a" || apps[2].Name != "root" {
		t.Errorf("sorted to %v", apps)
	}
}

func TestAFolderThatCannotBeAClusterIsToBeRenamed(t *testing.T) {
	if err := CheckCluster("clusters/staging", "staging"); err != nil {
		t.Error(err)
	}
	err := CheckCluster("clusters/My_Cluster", "My_Cluster")
	const want = `clusters/My_Cluster: the name "My_Cluster" is no DNS label: use lower-case letters, digits and '-', ` +
		"beginning and ending with a letter or digit; rename the folder"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
