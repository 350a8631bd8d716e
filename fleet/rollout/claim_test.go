package rollout

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
)

// named is a policy that is read from another tool's object.
func named(name string, rank int, edit func(*Policy)) Policy {
	p := Policy{Name: name, Origin: &Origin{Object: "AppProject argocd/shop", Field: "spec.syncWindows", Rank: rank},
		Waves: []Wave{{Name: "all", Unwatched: true, Failures: All}}}
	if edit != nil {
		edit(&p)
	}
	return p
}

func TestWhoHoldsAnApp(t *testing.T) {
	t.Parallel()
	all := Policy{Name: "all", Waves: []Wave{{Name: "all"}}}
	for name, c := range map[string]struct {
		p          Policy
		named, has bool
		want       int
	}{
		"a policy":                     {all, false, false, newClaim},
		"one that holds it":            {all, false, true, heldClaim},
		"one of other apps":            {Policy{Apps: []string{"db"}, Waves: all.Waves}, false, true, NoClaim},
		"one without waves":            {Policy{}, true, true, NoClaim},
		"another tool's":               {named("x", 0, nil), true, false, otherClaim},
		"another tool's, weaker":       {named("x", 1, nil), true, true, otherClaim + 1},
		"another tool's, of others":    {named("x", 0, nil), false, true, NoClaim},
		"another tool's with patterns": {named("x", 0, func(p *Policy) { p.Apps = []string{"*"} }), false, false, NoClaim},
	} {
		if got := c.p.Claim("web", c.named, c.has); got != c.want {
			t.Errorf("%s: the claim is %d, want %d", name, got, c.want)
		}
	}
}

// nightly allows an hour, from ten in the morning on, which is an hour after the clock of the tests begins.
func nightly(t *testing.T) schedule.Windows {
	t.Helper()
	c, err := schedule.ParseCron("0 10 * * *")
	if err != nil {
		t.Fatal(err)
	}
	return schedule.Windows{{Cron: c, Duration: time.Hour}}
}

// A wave that nobody watches says when changes come, and nothing of what becomes of them.
func TestAWaveThatNobodyWatches(t *testing.T) {
	t.Parallel()
	s := newSim(t, named("shop", 1, func(p *Policy) { p.Windows = nightly(t) }), map[string]string{"a": "0", "b": "0"})
	s.had("web=1").commit("A", "web=2").want()
	s.shows("all A no window is open, next 2026-12-01 10:00 UTC: 0/2 0/2 0")
	s.after(time.Hour).want("passed all A: nothing is waited for in its clusters",
		"release web=2 to a b (its wave is at this target)")
	s.app("a", "web", Bad).healthy("b").step().want() // nothing is bad for others
	s.commit("B", "web=3").want("passed all B: nothing is waited for in its clusters",
		"release web=3 to a b (its wave is at this target)")
	s.online(false, "a", "b")
	s.commit("C", "web=4").want("passed all C: nothing is waited for in its clusters",
		"release web=4 to a b (its wave is at this target)")
	s.after(time.Hour).commit("D", "web=5").want()
	s.in.Decisions.Expedites = []string{"D"}
	s.step().want("passed all D: nothing is waited for in its clusters",
		"release web=5 to a b (a person had all waves take this target at once)")
	s.join("c", "0") // what comes into the fleet waits for a window, too
	s.in.Released["c"] = Released{100, s.in.Now, content("web=1")}
	s.commit("E", "web=5").want()
	s.after(23*time.Hour).want("passed all E: nothing is waited for in its clusters",
		"release web=5 to c (its wave is at this target)")
}
