package hook

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func leaving(r *agent.Run) { r.Leaving = true }

func TestDeleteHooks(t *testing.T) {
	t.Parallel()
	for at, phase := range map[Moment]fleet.HookPhase{BeforeDelete: fleet.PreDelete, AfterDelete: fleet.PostDelete} {
		mark := "7." + string(phase)
		hooks := []plan.Hook{hookOf("before", fleet.PreDelete), hookOf("after", fleet.PostDelete)}
		name := map[fleet.HookPhase]string{fleet.PreDelete: "before", fleet.PostDelete: "after"}[phase]
		ref := "Job/shop/" + name
		s := begin(t, at, planOf(hooks, 0), runOf(leaving))
		s.next("store, or wait HookRunning: "+string(phase), "create "+ref+" as "+ref+" "+mark+" begun",
			"hook "+ref+" "+mark+" begun", "changed")
		s.created(phase, name).next("wait HookRunning: "+string(phase)+": "+ref+": it runs", "until 5m0s")
		running := s.Progress
		s.sees(name, runs(mark, protocol.HealthCurrent, ""))
		s.next("event hook "+ref+" "+string(phase)+": succeeded after 0ms", "hook "+ref+" "+mark+" succeeded over",
			"wait for nothing", "until 5m0s", "changed", "done")
		s.next("done")
		s.Progress = running
		s.sees(name, runs(mark, protocol.HealthDegraded, "no"))
		d := s.next("explain "+ref+": no", "until 5m0s")
		s.Progress, _ = s.Explained(d.Actions[0].(Explain), "", s.Now)
		s.next("hook "+ref+" "+mark+" failed over: no", "Failure it left Git, and "+string(phase)+": "+ref+
			" failed: no: what is left of the app stays; put it back into Git, without this hook or with a better "+
			"one", "wait for nothing", "changed")
		s = begin(t, at, planOf(hooks, 0), runOf(leaving))
		s.Moved = true
		s.next("done")
		begin(t, at, planOf([]plan.Hook{hookOf("h", fleet.Sync)}, 0), runOf(leaving)).next("done")
		begin(t, at, nil, runOf(leaving)).next("done")
	}
}

// Objects of hooks are released when their phase is over, after it is stored how they ended.
func TestHooksAreReleasedWhenTheirPhaseIsOver(t *testing.T) {
	t.Parallel()
	s := begin(t, Tidy, nil, runOf(withHooks(stateIn("a", fleet.PreSync, agent.HookSucceeded, over), stateIn("b",
		fleet.Sync, agent.HookRunning),
		stateIn("c", fleet.PreSync, agent.HookSucceeded, tidied)),
		func(r *agent.Run) { r.Past = []agent.HookState{stateIn("old", fleet.Sync, agent.HookFailed, over)} }))
	s.Unsaved = true
	s.next("store", "release Job/shop/old 7.Sync failed over", "release Job/shop/a 7.PreSync succeeded over")
	s.Unsaved = false
	s.next("release Job/shop/old 7.Sync failed over", "release Job/shop/a 7.PreSync succeeded over")
	old, a := Key{"7.Sync", jobNamed("old")}, Key{"7.PreSync", jobNamed("a")}
	s.Tried[old], s.Tried[a], s.Unsaved = true, true, true
	s.next("done") // they are being deleted, and are asked for again when they are gone
	s.Progress = s.Released(old)
	s.next("no more past Job/shop/old 7.Sync failed tidy", "done")
	s.sees("a", Seen{Trouble: &Trouble{Text: "no", Next: start.Add(minute)}}).next("until 1m0s", "done")
	s.at(minute - 1)
	s.next("store", "until 1m0s")
	s.Unsaved = false
	s.next("until 1m0s", "done")
	s.at(minute).next("release Job/shop/a 7.PreSync succeeded over")
	s.Tried[a] = true
	s.next("until 1m0s", "done")
	s.Progress = s.Released(a)
	s.at(minute).next("done")
	begin(t, Tidy, nil, nil).next("done")
	unsaved := begin(t, Tidy, nil, runOf())
	unsaved.Unsaved = true
	unsaved.next("done")
}

// When nothing else of a removed app is left, the objects of all its hooks go, except those that hold data or others.
func TestEraseDeletesTheObjectsOfAllHooks(t *testing.T) {
	t.Parallel()
	claim := stateIn("", fleet.PreSync, agent.HookSucceeded, tidied)
	claim.Ref = refTo("PersistentVolumeClaim", "data")
	run := runOf(leaving, withHooks(stateIn("before", fleet.PreDelete, agent.HookSucceeded, tidied)), func(r *agent.Run) {
		r.Last = []agent.HookState{stateIn("warm", fleet.PostSync, agent.HookSucceeded, tidied), claim}
	})
	s := begin(t, Erase, nil, run)
	s.Delete = true
	s.next("store", "release Job/shop/warm 7.PostSync succeeded remove over",
		"release Job/shop/before 7.PreDelete succeeded remove over",
		"hook Job/shop/before 7.PreDelete succeeded remove over", "past Job/shop/warm 7.PostSync succeeded remove over",
		"no more last Job/shop/warm 7.PostSync succeeded tidy", "no more last PersistentVolumeClaim/shop/data 7.PreSync "+
			"succeeded tidy", "changed")
	warm, before := Key{"7.PostSync", jobNamed("warm")}, Key{"7.PreDelete", jobNamed("before")}
	s.Tried[warm], s.Tried[before] = true, true
	s.Progress = s.Released(warm)
	s.next("no more past Job/shop/warm 7.PostSync succeeded remove tidy", "done")
	s.Progress = s.Released(before)
	s.at(minute).next("Done true", "done")

	s = begin(t, Erase, nil, run) // nothing is deleted of an app whose objects are kept
	s.next("no more last Job/shop/warm 7.PostSync succeeded tidy",
		"no more last PersistentVolumeClaim/shop/data 7.PreSync succeeded tidy",
		"Done true", "done")
}
