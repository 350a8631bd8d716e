package hook

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const storeOrPreSync = "store, or wait HookRunning: PreSync"

// The intent is stored before the object is created, and the plan may come into force when the hook has succeeded.
func TestPreSyncHookComesFirst(t *testing.T) {
	t.Parallel()
	s := begin(t, Prepare, planOf([]plan.Hook{hookOf("migrate", fleet.PreSync)}, 0), runOf())
	s.next(storeOrPreSync, "create Job/shop/migrate as Job/shop/migrate 7.PreSync begun",
		"hook Job/shop/migrate 7.PreSync begun", "changed")
	s.created(fleet.PreSync, "migrate")
	s.next("wait HookRunning: PreSync: Job/shop/migrate: it runs", "until 5m0s")
	s.at(3*minute).sees("migrate", runs("7.PreSync", protocol.HealthCurrent, "it completed"))
	s.next("event hook Job/shop/migrate PreSync: succeeded after 180000ms",
		"hook Job/shop/migrate 7.PreSync succeeded over", "wait for nothing", "until 5m0s", "changed", "done")
	s.next("done")
}

// What could not be stored was not decided: the same comes again.
func TestNothingIsCreatedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	s := begin(t, Prepare, planOf([]plan.Hook{hookOf("migrate", fleet.PreSync)}, 0), runOf())
	s.next(storeOrPreSync, "create Job/shop/migrate as Job/shop/migrate 7.PreSync begun",
		"hook Job/shop/migrate 7.PreSync begun", "changed")
	s.Unsaved = true
	s.at(minute).next(storeOrPreSync, "create Job/shop/migrate as Job/shop/migrate 7.PreSync begun")
	s.Unsaved = false
	s.at(2 * minute).next("create Job/shop/migrate as Job/shop/migrate 7.PreSync begun")
}

func TestFailedPreSyncHookEndsTheRun(t *testing.T) {
	t.Parallel()
	for inForce, kept := range map[bool]string{false: "; nothing of the app was applied",
		true: "; keeping the last applied version"} {
		s := begin(t, Prepare, planOf([]plan.Hook{hookOf("migrate", fleet.PreSync)}, 0),
			runOf(withHooks(stateIn("migrate", fleet.PreSync, agent.HookRunning))))
		s.InForce, s.Step, s.Stuck = inForce, fact(protocol.ReasonHookRunning, "x"), true
		s.sees("migrate", runs("7.PreSync", protocol.HealthDegraded, "it failed"))
		d := s.next("explain Job/shop/migrate: it failed", "until 5m0s")
		p, e := s.Explained(d.Actions[0].(Explain), "; exit code 1", start.Add(minute))
		if got := event(e); got != "event hook-failed Job/shop/migrate PreSync: it failed; exit code 1 after 60000ms" {
			t.Errorf("the event is %s", got)
		}
		s.Progress = p
		s.next("hook Job/shop/migrate 7.PreSync failed over: it failed; exit code 1",
			"Failure PreSync: Job/shop/migrate failed: it failed; exit code 1"+kept+
				": correct it in Git, and its next revision is tried", "wait for nothing", "changed")
		s.next()
		s.Run.Hooks[0].Tidy = true
		s.at(minute).next()
	}
}

// SyncFail hooks run once after a failure, and what they wait for is not what the app waits for.
func TestFailureRunsTheSyncFailHooks(t *testing.T) {
	t.Parallel()
	p := planOf([]plan.Hook{hookOf("migrate", fleet.PreSync), hookOf("tell", fleet.SyncFail)}, 0)
	for _, stage := range []agent.HookStage{agent.HookSucceeded, agent.HookFailed} {
		s := begin(t, Prepare, p, runOf(withHooks(stateIn("migrate", fleet.PreSync, agent.HookFailed, tidied)),
			func(r *agent.Run) { r.Failure = "it failed" }))
		s.next("store", "create Job/shop/tell as Job/shop/tell 7.SyncFail begun", "hook Job/shop/tell 7.SyncFail begun",
			"changed")
		s.created(fleet.SyncFail, "tell")
		s.next("until 5m0s")
		if stage == agent.HookSucceeded {
			s.at(minute).sees("tell", runs("7.SyncFail", protocol.HealthCurrent, "it completed"))
			s.next("event hook Job/shop/tell SyncFail: succeeded after 60000ms",
				"hook Job/shop/tell 7.SyncFail succeeded over", "until 5m0s", "changed")
		} else {
			s.at(minute).sees("tell", runs("7.SyncFail", protocol.HealthDegraded, "no"))
			d := s.next("explain Job/shop/tell: no", "until 5m0s")
			s.Progress, _ = s.Explained(d.Actions[0].(Explain), "", s.Now)
			s.next("hook Job/shop/tell 7.SyncFail failed over: no", "changed")
		}
		s.next()
	}
}

// A failure and its SyncFail hooks may be one decision.
func TestFailureThatNeedsNoExplanation(t *testing.T) {
	t.Parallel()
	s := begin(t, Prepare, planOf([]plan.Hook{hookOf("migrate", fleet.PreSync), hookOf("tell", fleet.SyncFail)}, 0),
		runOf(withHooks(stateIn("migrate", fleet.PreSync, agent.HookBegun))))
	s.sees("migrate", Seen{Failed: "7.PreSync", Trouble: &Trouble{Text: "denied", Next: start.Add(minute), Final: true}})
	s.next("store", "create Job/shop/tell as Job/shop/tell 7.SyncFail begun",
		"event hook-failed Job/shop/migrate PreSync: it could not be made: denied after 0ms",
		"hook Job/shop/migrate 7.PreSync failed over: it could not be made: denied", "hook Job/shop/tell 7.SyncFail begun",
		"Failure PreSync: Job/shop/migrate failed: it could not be made: denied; nothing of the app was applied: "+
			"correct it in Git, and its next revision is tried", "until 5m0s", "changed")
}

func TestPrepareWithoutHooksOfThePhase(t *testing.T) {
	t.Parallel()
	install := hookOf("install", fleet.PreSync)
	install.Hook.Upgrade = nil
	for name, c := range map[string]struct {
		run  *agent.Run
		want []string
	}{
		"no run":           {nil, []string{"done"}},
		"an upgrade":       {runOf(), []string{"done"}},
		"it failed before": {runOf(func(r *agent.Run) { r.Failure = "x" }), nil},
		"hooks before it": {runOf(func(r *agent.Run) {
			r.Past = []agent.HookState{stateIn("old", fleet.Sync,
				agent.HookFailed, over)}
		}), []string{"done"}},
		"an install of that": {runOf(func(r *agent.Run) { r.Install = true }), []string{storeOrPreSync,
			"create Job/shop/install as Job/shop/install 7.PreSync begun", "hook Job/shop/install 7.PreSync begun", "changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin(t, Prepare, planOf([]plan.Hook{install, hookOf("warm", fleet.PostSync)}, 0), c.run).next(c.want...)
		})
	}
}

// Hooks of the revision before are gone before a PreSync hook is created: two never run at once.
func TestPreSyncHooksWaitForThoseOfTheRevisionBefore(t *testing.T) {
	t.Parallel()
	past := func(r *agent.Run) { r.Past = []agent.HookState{stateIn("old", fleet.Sync, agent.HookFailed, over)} }
	s := begin(t, Prepare, planOf([]plan.Hook{hookOf("migrate", fleet.PreSync), hookOf("tell", fleet.SyncFail)}, 0),
		runOf(past))
	s.next("wait HookRunning: waits until Job/shop/old of the revision before is deleted", "until 5m0s")
	s.at(5*minute - 1).next("until 5m0s")
	waiting := s.Progress
	s.at(5*minute).next("store", "create Job/shop/tell as Job/shop/tell 7.SyncFail begun since 5m0s",
		"hook Job/shop/tell 7.SyncFail begun since 5m0s",
		"Failure PreSync: Job/shop/old of the revision before is not gone after 5m: see what holds it, and make another "+
			"revision",
		"wait for nothing", "changed")
	s.Progress = waiting
	s.Run.Past = nil
	s.at(4*minute).next(storeOrPreSync, "create Job/shop/migrate as Job/shop/migrate 7.PreSync begun since 4m0s",
		"hook Job/shop/migrate 7.PreSync begun since 4m0s", "changed")
}
