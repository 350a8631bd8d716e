package lint

import (
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/fleet/selector"
)

var (
	now    = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	denied = schedule.Window{Deny: true, From: now.Add(-time.Hour)}
)

func labelled(t *testing.T, text string) *selector.Selector {
	t.Helper()
	s, err := selector.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestLint(t *testing.T) {
	t.Parallel()
	policy := func(name string, edit func(*Policy)) Policy {
		p := Policy{Name: name, Selector: *labelled(t, "env="+name), Waves: []rollout.Wave{
			{Name: "canary", Selector: labelled(t, "ring=0")}, {Name: "rest"}}}
		if edit != nil {
			edit(&p)
		}
		return p
	}
	site := func(name, env, ring string, apps ...string) Site {
		return Site{name, map[string]string{"env": env, "ring": ring}, apps, nil}
	}
	fleet := []Site{site("p1", "production", "0", "web", "db"), site("p2", "production", "1", "web"),
		site("s1", "staging", "1", "web"), site("x", "", "1", "web")}
	staging := policy("staging", nil)
	for _, c := range []struct {
		name     string
		policies []Policy
		want     []string
	}{
		{"none", nil, nil},
		{"two that are right", []Policy{staging, policy("production", func(p *Policy) { p.After = "staging" })}, nil},
		{"one that selects nothing", []Policy{policy("prod", nil)}, []string{"prod spec.clusterSelector: it selects none " +
			"of the " +
			"fleet's clusters, so that the policy holds nothing: compare it with the labels in their cluster.yaml"}},
		{"apps that nobody has", []Policy{policy("production", func(p *Policy) { p.Apps = []string{"wbe"} })},
			[]string{"production spec.apps: none of 2 clusters that it selects has an app of these names, so that the policy " +
				"holds nothing: compare them with `drover status`"}},
		{"an app that one has", []Policy{policy("production", func(p *Policy) { p.Apps = []string{"d*"} })}, nil},
		{"clusters in no wave", []Policy{policy("production", func(p *Policy) { p.Waves = p.Waves[:1] })},
			[]string{"production spec.waves: nothing would ever be released to 1 cluster in no wave (p2): add a last wave " +
				"without a " +
				"clusterSelector, which takes the rest"}},
		{"no waves", []Policy{policy("production", func(p *Policy) { p.Waves = nil })},
			[]string{"production spec.waves: nothing would ever be released to 2 clusters in no wave (p1, p2): add a last " +
				"wave " +
				"without a clusterSelector, which takes the rest"}},
		{"a wave after the rest", []Policy{policy("staging", func(p *Policy) { p.Waves[0].Selector = nil })},
			[]string{"staging spec.waves[1]: no cluster is left for it: the wave canary before it has no clusterSelector and " +
				"takes " +
				"the rest; move that one to the end"}},
		{"after one that is not there", []Policy{policy("production", func(p *Policy) { p.After = "stagin" }), staging,
			policy("staging", func(p *Policy) { p.Name, p.After, p.Apps = "later", "production", []string{"none", "web"} })},
			[]string{`production spec.after: there is no RolloutPolicy "stagin" with waves, so that nothing would ever be ` +
				"released: name one of the fleet",
				"later spec.clusterSelector: it holds 1 app that the policy staging holds, too (s1/web): an app of " +
					"a " +
					"cluster may be held by one policy alone; change a clusterSelector, or spec.apps"}},
		{"after each other", []Policy{policy("production", func(p *Policy) { p.After = "staging" }),
			policy("staging", func(p *Policy) { p.After = "production" })},
			[]string{"production spec.after: the policies wait for each other, so that nothing would ever be released " +
				"(production " +
				"after staging after production): remove one of these fields", "staging spec.after: the policies wait for each " +
				"other, so " +
				"that nothing would ever be released (staging after production after staging): remove one of these fields"}},
		{"after a circle", []Policy{policy("production", func(p *Policy) { p.After = "staging" }),
			policy("staging", func(p *Policy) { p.After = "staging" })},
			[]string{"staging spec.after: the policies wait for each other, so that nothing would ever be released (staging " +
				"after " +
				"staging): remove one of these fields"}},
		{"windows that never open", []Policy{policy("production", func(p *Policy) { p.Windows = schedule.Windows{denied} })},
			[]string{"production spec.windows: no time is allowed by these windows, so that nothing would ever be released: " +
				"change " +
				"the schedules, or remove a denial that covers them"}},
		{"two for the same", []Policy{{Name: "all", Waves: staging.Waves}, policy("production", nil),
			policy("staging", func(p *Policy) { p.Apps = []string{"db"} })},
			[]string{"staging spec.apps: none of 1 cluster that it selects has an app of these names, so that the policy " +
				"holds " +
				"nothing: compare them with `drover status`",
				"production spec.clusterSelector: it holds 3 apps that the policy all holds, too (p1/web, p1/db, p2/web): an app " +
					"of a " +
					"cluster may be held by one policy alone; change a clusterSelector, or spec.apps"}},
		{"two that bound deletions", []Policy{{Name: "budget", Deletions: &deletions.Limits{}},
			policy("production", func(p *Policy) { p.Deletions = &deletions.Limits{App: 1} }), staging},
			[]string{"production spec.clusterSelector: it bounds the deletions of 3 apps that the policy budget bounds, too " +
				"(p1/web, p1/db, p2/web): an app of a cluster may be bounded by one policy alone; change a clusterSelector, or " +
				"spec.apps"}},
		{"after one without waves", []Policy{{Name: "budget", Deletions: &deletions.Limits{}},
			policy("production", func(p *Policy) { p.After = "budget" })},
			[]string{`production spec.after: there is no RolloutPolicy "budget" with waves, so that nothing would ever be ` +
				"released: name one of the fleet"}},
	} {
		var got []string
		for _, f := range Policies(now, c.policies, fleet) {
			got = append(got, f.Policy+" "+f.Field+": "+f.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got\n  %q\nwant\n  %q", c.name, got, c.want)
		}
	}
	if got := few([]string{"a", "b", "c", "d", "e"}); got != "a, b, c and 2 more" {
		t.Error(got)
	}
}
