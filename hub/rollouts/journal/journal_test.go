package journal

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/audit"
)

// There is an entry for each wave, target and rule, and several for more clusters than one names; each says what its
// releases change, and a digest of digests where that differs.
func TestReleasesAreEntries(t *testing.T) {
	t.Parallel()
	canary, err := selector.Parse("ring=0")
	if err != nil {
		t.Fatal(err)
	}
	p := rollout.Policy{Name: "production", Waves: []rollout.Wave{{Name: "canary", Selector: &canary}, {Name: "rest"}}}
	content := func(web, db string) rollout.Content {
		out := rollout.Content{"web": {Digest: web}}
		if db != "" {
			out["db"] = rollout.App{Digest: db}
		}
		return out
	}
	all := []Release{{rollout.Release{Cluster: "a", Target: "T", Rule: rollout.ByWave, Content: content("2", "")},
		map[string]string{"ring": "0"}, content("1", "1")}}
	for i := range audit.MaxClusters + 1 {
		all = append(all, Release{rollout.Release{Cluster: fmt.Sprint("b", i), Target: "T", Rule: rollout.ByWave,
			Content: content(fmt.Sprint(i%2), "")}, nil, content("x", "")})
	}
	all = append(all, Release{rollout.Release{Cluster: "c", Target: "T", Rule: rollout.ByRollback, Content: content("1", "")},
		nil, content("1", "")})
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	var got []string
	for _, e := range Releases(now, p, all) {
		got = append(got, fmt.Sprintf("%s %s: %d of %d, web %.9s, db %s", e.Wave, e.Rule, len(e.Clusters), e.Count,
			e.Apps["web"], e.Apps["db"]))
		if e.Kind != KindRelease || e.Policy != "production" || e.Target != "T" || !e.Time.Equal(now) {
			t.Errorf("an entry is %+v", e)
		}
	}
	want := fmt.Sprintf("canary its wave is at this target: 1 of 1, web 2, db removed\n"+
		"rest its wave is at this target: %d of %[1]d, web 2 digests, db \n"+
		"rest its wave is at this target: 1 of 1, web 0, db \nrest what it had is bad: 1 of 1, web , db ", audit.MaxClusters)
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("there are\n%s\nwant\n%s", text, want)
	}
	if Sum(all[0].Release) == Sum(all[1].Release) || Sum(all[1].Release) != Sum(all[3].Release) {
		t.Error("releases are not told apart by target, rule and content alone")
	}
}
