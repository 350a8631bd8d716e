package rollouts

import (
	"slices"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// What goes back says from what, as long as it is so, and also when the hub has started again.
func TestWhatGoesBackSaysFromWhat(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	says := func(when string, want ...string) {
		t.Helper()
		if s := f.publish("a"); !slices.Equal(s.Back["web"], want) {
			t.Errorf("%s it goes back from %q, want %q", when, s.Back["web"], want)
		}
	}
	says("at first")
	f.asks("web=2")
	says("on the way there")
	f.reports(protocol.PhaseFailed, "a")
	says("on the way back", "2")
	f.start()
	f.follow()
	says("after the hub has started again", "2")
	f.turn()
	f.reports(protocol.PhaseHealthy, "a")
	f.asks("web=1")
	says("when Git has it, too", "2")
	f.asks("web=3")
	says("with what comes then")
	f.reports(protocol.PhaseFailed, "a")
	says("when that has failed, too", "3", "2")
	if s := f.publish("a"); s.Apps[0].Rollback != nil {
		t.Errorf("the app itself has %v", s.Apps[0].Rollback)
	}
	f.given["a"].Apps[0].Rollback, f.given["a"].Apps[0].Needs = []string{"3", "2"}, []string{protocol.NeedRollback}
	if s := f.publish("a"); s.Other["web"] != true || s.Apps[0].Needs != nil {
		t.Errorf("what was given before gives %+v", s)
	}
}

// An app whose author says so stays, the cluster with it, and it is said.
func TestWhatIsNeverTakenBack(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("db=1 web=2")
	f.stays = map[string][]string{"a": {"web"}}
	f.turn() // it is said when the content is there already
	f.stays, f.unclear = nil, true
	f.turn() // and cannot be read any more
	f.start()
	f.follow()
	f.reports(protocol.PhaseFailed, "a")
	f.want("a: db=1 web=2", "b: web=1")
	if got := f.d.Show()[0].Stays; len(got) != 1 || got[0].Cluster != "a" || !slices.Equal(got[0].Apps, []string{"web"}) {
		t.Errorf("it shows %+v", got)
	}
	if events, _ := f.d.History("production"); events[len(events)-1].Kind != "not taken back" {
		t.Errorf("the history is %+v", events)
	}
	target := f.d.Show()[0].Bad[0].Target
	if _, err := f.d.Decide(f.now, Order{Action: Rollback, Policy: "production", Target: target, Apps: []string{"db"},
		Reason: "it has nothing to do with web"}); err != nil {
		t.Fatal(err)
	}
	f.roll()
	f.want("a: web=2", "b: web=1")
	f.unclear = false // nobody says so any more
	f.turn()
	f.want("a: web=1", "b: web=1")
	if got := f.d.Show()[0].Stays; got != nil {
		t.Errorf("it shows %+v", got)
	}
}
