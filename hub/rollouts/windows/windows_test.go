package windows

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
)

func TestWhichClustersWaitForWindowsOfOthers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	named := func(apps map[string][]string) func(string) []string {
		return func(cluster string) []string { return apps[cluster] }
	}
	all := []Of{
		{"AppProject shop", schedule.Windows{{Deny: true, Until: now.Add(time.Hour)}}, named(map[string][]string{
			"a": {"web"}, "b": {"db"}})},
		{"AppProject ever", schedule.Windows{{Deny: true}}, named(map[string][]string{"c": {"web"}})},
		{"AppProject open", schedule.Windows{{Deny: true, From: now.Add(time.Minute)}}, named(map[string][]string{
			"d": {"web"}})},
	}
	b := At(now, all)
	for cluster, want := range map[string]bool{"a": true, "b": false, "c": true, "d": false, "e": false} {
		if b.Closes(cluster, []string{"web", "api"}) != want {
			t.Errorf("%s waits: %v", cluster, !want)
		}
	}
	if at := b.Wake(time.Time{}); !at.Equal(now.Add(time.Minute)) || !b.Wake(now.Add(time.Second)).Equal(now.Add(time.Second)) ||
		!b.Wake(now.Add(time.Hour)).Equal(at) || !(Beside{}).Wake(now).Equal(now) || !(Beside{}).Wake(time.Time{}).IsZero() {
		t.Errorf("it looks again at %s", at)
	}
	waits := map[string][]string{"a": {"web"}, "b": {"web"}, "c": {"web"}}
	const want = "0 of 3 settled; 1 of them wait for a window of AppProject shop, next 2026-12-01 10:00 UTC; 1 of them " +
		"wait for a window of AppProject ever, and none will be open"
	w := rollout.WaveState{Reason: rollout.Settling, Text: "0 of 3 settled"}
	if b.Waits(&w, waits); w.Text != want || w.Reason != rollout.AwaitingWindow {
		t.Errorf("the wave says %+v", w)
	}
	w = rollout.WaveState{Reason: rollout.Passed, Text: "passed"}
	if b.Waits(&w, waits); w.Reason != rollout.Passed || w.Text != "passed" {
		t.Errorf("a wave that has passed says %+v", w)
	}
	w = rollout.WaveState{Reason: rollout.Settling}
	if b.Waits(&w, nil); w.Reason != rollout.Settling {
		t.Errorf("where none waits the wave says %+v", w)
	}
	if !b.Any() || b.Same(Beside{}) || !b.Same(At(now.Add(time.Second), all)) || b.Same(At(now.Add(time.Minute), all)) {
		t.Error("what is closed is not told from what was")
	}
}
