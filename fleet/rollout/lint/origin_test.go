package lint

import (
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
)

// named is a policy that is read from another tool's object.
func named(name string, rank int, edit func(*rollout.Policy)) rollout.Policy {
	p := rollout.Policy{Name: name,
		Origin: &rollout.Origin{Object: "AppProject argocd/shop", Field: "spec.syncWindows", Rank: rank},
		Waves:  []rollout.Wave{{Name: "all", Unwatched: true, Failures: rollout.All}}}
	if edit != nil {
		edit(&p)
	}
	return p
}

func TestWhatLintSaysOfOtherTools(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	never, err := schedule.ParseCron("0 0 30 2 *")
	if err != nil {
		t.Fatal(err)
	}
	policies := []rollout.Policy{{Name: "db", Apps: []string{"db"}, Waves: []rollout.Wave{{Name: "all"}}},
		named("shop", 1, func(p *rollout.Policy) { p.Windows = schedule.Windows{{Cron: never, Duration: time.Hour}} }),
		named("steps", 0, func(p *rollout.Policy) {
			p.Origin = &rollout.Origin{Object: "ApplicationSet argocd/web", Field: "spec.strategy"}
			p.Waves = []rollout.Wave{{Name: "all", AtOnce: rollout.Amount{Count: 1}}}
		}), named("unused", 1, func(p *rollout.Policy) { p.Windows = schedule.Windows{{Cron: never, Duration: time.Hour}} })}
	sites := []Site{{Name: "a", Apps: []string{"db", "web", "api", "other"}, Named: map[string][]string{"db": {"shop"},
		"web": {"steps", "shop"}, "api": {"steps"}, "other": {"shop"}}}, {Name: "b", Apps: []string{"web"},
		Named: map[string][]string{"web": {"steps"}}}}
	if got := Policies(now, policies, sites); len(got) > 0 {
		t.Errorf("errors: %+v", got)
	}
	var got []string
	for _, f := range Origins(now, policies, sites) {
		got = append(got, f.Policy+" "+f.Field+": "+f.Text)
	}
	want := []string{
		"shop spec.syncWindows: not followed for 1 app (a/db): the RolloutPolicy db holds them, and takes precedence; an " +
			"app of a cluster is held by one policy alone",
		"shop spec.syncWindows: no time is allowed by the windows of 2 apps, so that nothing would ever be released to them",
		"steps spec.strategy: followed by clusters, and not by apps: those of one cluster (a) are released together, and " +
			"count as one"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
