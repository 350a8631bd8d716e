package hook

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

var settings = refTo("ConfigMap", "settings")

// shows is how a wave is whose worst object is this.
func (s *scene) shows(wave int, h protocol.Health, message string) *scene {
	s.Wave = &Wave{Number: wave, Worst: &protocol.Problem{Object: settings, Health: h, Message: message},
		Ill: h == protocol.HealthDegraded}
	return s
}

func (s *scene) current(wave int) *scene {
	s.Wave = &Wave{Number: wave}
	return s
}

func entered(r *agent.Run) { r.Entered = true }

func reached(wave int) func(*agent.Run) {
	return func(r *agent.Run) { r.Entered, r.Reached, r.Wave = true, true, wave }
}

func TestWavesFollowEachOther(t *testing.T) {
	t.Parallel()
	s := begin(t, Deliver, planOf(nil, -1, 0, 5), runOf(entered)).at(minute)
	s.next("apply -1", "Reached true", "Wave -1", "Since 1m0s", "changed")
	s.shows(-1, protocol.HealthProgressing, "soon")
	s.next("wait WaveWaiting: wave -1: waits for ConfigMap/shop/settings: soon", "until 6m0s")
	s.at(2 * minute).current(-1)
	s.next("apply 0", "not Wave", "Since 2m0s", "changed")
	s.current(0)
	s.next("apply 5", "Wave 5", "changed")
	s.shows(5, protocol.HealthDegraded, "the last wave is not waited for")
	s.next("Applied true", "Done true", "wait for nothing", "changed", "done")
}

// A turn applies what is due of the wave that was reached, and of none before it.
func TestTurnGoesOnWithTheWaveThatWasReached(t *testing.T) {
	t.Parallel()
	begin(t, Deliver, planOf(nil, 0, 1, 2), runOf(reached(1))).next("apply 1")
	s := begin(t, Deliver, planOf(nil, 0, 1, 2), runOf(reached(1)))
	s.current(0).next("apply 1")
}

func TestLastWaveLeavesHooksToDo(t *testing.T) {
	t.Parallel()
	for _, phase := range []fleet.HookPhase{fleet.PostSync, fleet.SyncFail} {
		s := begin(t, Deliver, planOf([]plan.Hook{hookOf("h", phase)}, 0), runOf(reached(0)))
		s.current(0).next("Applied true", "changed", "done")
	}
	s := begin(t, Deliver, planOf([]plan.Hook{hookOf("h", fleet.PreDelete)}, 0), runOf(reached(0)))
	s.current(0).next("Applied true", "Done true", "changed", "done")
}

func TestWaitForAWave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wave  Wave
		after time.Duration
		want  []string
	}{
		"on its way": {Wave{Worst: problem(protocol.HealthProgressing)}, 5*minute - 1,
			[]string{"wait WaveWaiting: wave 0: waits for ConfigMap/shop/settings: so", "until 5m0s"}},
		"late": {Wave{Worst: problem(protocol.HealthProgressing)}, 5 * minute,
			[]string{"wait Timeout: wave 0 is not healthy after 5m, and what comes after it waits: ConfigMap/shop/settings: " +
				"so (stuck)"}},
		"ill": {Wave{Worst: problem(protocol.HealthDegraded), Ill: true}, 0,
			[]string{"wait Unhealthy: wave 0 is not healthy, and what comes after it waits: ConfigMap/shop/settings: so " +
				"(stuck)", "until 5m0s"}},
		"ill and late": {Wave{Worst: problem(protocol.HealthDegraded), Ill: true}, 6 * minute,
			[]string{"wait Timeout: wave 0 is not healthy after 5m, and what comes after it waits: ConfigMap/shop/settings: " +
				"so (stuck)"}},
		"another is ill": {Wave{Worst: problem(protocol.HealthUnknown), Ill: true}, 0,
			[]string{"wait Unhealthy: wave 0 is not healthy, and what comes after it waits: ConfigMap/shop/settings: so " +
				"(stuck)", "until 5m0s"}},
		"refused, and tried again": {Wave{Worst: problem(protocol.HealthDegraded)}, 0,
			[]string{"wait WaveWaiting: wave 0: waits for ConfigMap/shop/settings: so", "until 5m0s"}},
		"paused": {Wave{Worst: problem(protocol.HealthPaused)}, 6 * minute,
			[]string{"wait Paused: wave 0 waits for ConfigMap/shop/settings: so"}},
		"clashing": {Wave{Clashing: true}, 0, nil},
		"clashing and on its way": {Wave{Worst: problem(protocol.HealthProgressing), Clashing: true}, 0,
			[]string{"wait WaveWaiting: wave 0: waits for ConfigMap/shop/settings: so", "until 5m0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, Deliver, planOf(nil, 0, 1), runOf(reached(0))).at(c.after)
			s.Wave = &c.wave
			s.next(c.want...)
		})
	}
}

func problem(h protocol.Health) *protocol.Problem {
	return &protocol.Problem{Object: settings, Health: h, Message: "so"}
}

// The time in which a wave is paused does not count.
func TestPauseOfAWaveDoesNotCount(t *testing.T) {
	t.Parallel()
	s := begin(t, Deliver, planOf(nil, 0, 1), runOf(reached(0)))
	s.shows(0, protocol.HealthPaused, "asks").at(minute).next("wait Paused: wave 0 waits for ConfigMap/shop/settings: " +
		"asks")
	s.at(time.Hour).next()
	s.shows(0, protocol.HealthProgressing, "soon").next("Since 1h0m0s",
		"wait WaveWaiting: wave 0: waits for ConfigMap/shop/settings: soon", "until 1h5m0s", "changed")
	s.at(time.Hour + minute).next("until 1h5m0s")
	s.shows(0, protocol.HealthPaused, "asks").next("wait Paused: wave 0 waits for ConfigMap/shop/settings: asks")
	s.at(2*time.Hour).current(0).next("apply 1", "Wave 1", "Since 2h0m0s", "changed")
}

// A wave that does not become healthy runs the SyncFail hooks once, and goes on when it recovers.
func TestStuckWaveRunsTheSyncFailHooks(t *testing.T) {
	t.Parallel()
	s := begin(t, Deliver, planOf([]plan.Hook{hookOf("tell", fleet.SyncFail)}, 0, 1), runOf(reached(0)))
	stuck := "wait Unhealthy: wave 0 is not healthy, and what comes after it waits: ConfigMap/shop/settings: bad (stuck)"
	s.shows(0, protocol.HealthDegraded, "bad").next("store",
		"create Job/shop/tell as Job/shop/tell 7.SyncFail begun", "hook Job/shop/tell 7.SyncFail begun", stuck, "until "+
			"5m0s", "changed")
	s.created(fleet.SyncFail, "tell").next("until 5m0s")
	s.sees("tell", runs("7.SyncFail", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/tell SyncFail: succeeded after 0ms", "hook Job/shop/tell 7.SyncFail succeeded over",
		"until 5m0s", "changed")
	s.next("until 5m0s")
	s.current(0).at(minute).next("apply 1", "Wave 1", "Since 1m0s", "changed")
	s.current(1).next("Applied true", "wait for nothing", "changed", "done")
}

const storeOrSync = "store, or wait HookRunning: Sync"

// The Sync hooks of a wave run beside its objects, and the next wave waits for both.
func TestSyncHooksBelongToTheirWave(t *testing.T) {
	t.Parallel()
	p := planOf([]plan.Hook{hookOf("first", fleet.Sync), inWave(hookOf("second", fleet.Sync), 1)}, 0, 1)
	s := begin(t, Deliver, p, runOf(reached(0)))
	s.shows(0, protocol.HealthProgressing, "soon")
	s.next(storeOrSync, "create Job/shop/first as Job/shop/first 7.Sync begun", "hook Job/shop/first 7.Sync begun",
		"changed")
	s.created(fleet.Sync, "first")
	s.next("wait WaveWaiting: wave 0: waits for ConfigMap/shop/settings: soon", "until 5m0s")
	s.current(0).next("wait HookRunning: Sync: Job/shop/first: it runs", "until 5m0s")
	s.sees("first", runs("7.Sync", protocol.HealthCurrent, ""))
	s.next("apply 1", "event hook Job/shop/first Sync: succeeded after 0ms", "hook Job/shop/first 7.Sync succeeded",
		"Wave 1", "until 5m0s", "changed")
	s.current(1).next(storeOrSync, "create Job/shop/second as Job/shop/second 7.Sync begun",
		"hook Job/shop/second 7.Sync begun", "changed")
	s.created(fleet.Sync, "second").next("wait HookRunning: Sync: Job/shop/second: it runs", "until 5m0s")
	s.sees("second", runs("7.Sync", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/second Sync: succeeded after 0ms", "hook Job/shop/first 7.Sync succeeded over",
		"hook Job/shop/second 7.Sync succeeded over", "Applied true", "Done true", "wait for nothing", "until "+
			"5m0s", "changed", "done")
}

func TestFailedSyncHookStopsTheWaves(t *testing.T) {
	t.Parallel()
	p := planOf([]plan.Hook{hookOf("first", fleet.Sync), hookOf("tell", fleet.SyncFail)}, 0, 1)
	s := begin(t, Deliver, p, runOf(reached(0), withHooks(stateIn("first", fleet.Sync, agent.HookFailed,
		func(h *agent.HookState) { h.Message = "no" }))))
	s.current(0).next("store", "create Job/shop/tell as Job/shop/tell 7.SyncFail begun",
		"hook Job/shop/first 7.Sync failed over: no", "hook Job/shop/tell 7.SyncFail begun",
		"Failure Sync: Job/shop/first failed: no; what comes after it waits: correct it in Git, and its next revision is "+
			"tried", "changed")
	s.created(fleet.SyncFail, "tell").next("until 5m0s")
	s.sees("tell", runs("7.SyncFail", protocol.HealthCurrent, "")).at(0)
	s.Wave = nil
	s.next("apply 0") // drift of what was applied is still undone
	s.current(0).next("event hook Job/shop/tell SyncFail: succeeded after 0ms",
		"hook Job/shop/tell 7.SyncFail succeeded over", "until 5m0s", "changed")
	s.next()
}

// Hooks of a phase run by wave and by stage, each group when the one before has succeeded.
func TestGroupsOfHooksFollowEachOther(t *testing.T) {
	t.Parallel()
	account := plan.Hook{Want: plan.Want{Ref: refTo("ServiceAccount", "sa"), APIVersion: "v1"},
		Hook: fleet.Hook{Install: []fleet.HookPhase{fleet.PreSync}, Upgrade: []fleet.HookPhase{fleet.PreSync}}}
	p := planOf([]plan.Hook{account, hookOf("a", fleet.PreSync), hookOf("x", fleet.Sync), hookOf("b", fleet.PreSync),
		inWave(hookOf("c", fleet.PreSync), 1)}, 0)
	s := begin(t, Prepare, p, runOf())
	s.next(storeOrPreSync, "create ServiceAccount/shop/sa as ServiceAccount/shop/sa 7.PreSync begun",
		"hook ServiceAccount/shop/sa 7.PreSync begun", "changed")
	s.Progress, _ = s.Created(Key{"7.PreSync", account.Ref})
	s.Hooks[account.Ref] = runs("7.PreSync", protocol.HealthCurrent, "it is there")
	s.next(storeOrPreSync, "create Job/shop/a as Job/shop/a 7.PreSync begun",
		"create Job/shop/b as Job/shop/b 7.PreSync begun",
		"event hook ServiceAccount/shop/sa PreSync: succeeded after 0ms",
		"hook ServiceAccount/shop/sa 7.PreSync succeeded", "hook Job/shop/a 7.PreSync begun", "hook Job/shop/b 7.PreSync "+
			"begun",
		"until 5m0s", "changed")
	s.created(fleet.PreSync, "a", "b")
	s.next("wait HookRunning: PreSync: Job/shop/a: it runs", "until 5m0s")
	s.sees("a", runs("7.PreSync", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/a PreSync: succeeded after 0ms", "hook Job/shop/a 7.PreSync succeeded",
		"wait HookRunning: PreSync: Job/shop/b: it runs", "until 5m0s", "changed")
	s.sees("b", runs("7.PreSync", protocol.HealthCurrent, ""))
	s.next(storeOrPreSync, "create Job/shop/c as Job/shop/c 7.PreSync begun",
		"event hook Job/shop/b PreSync: succeeded after 0ms",
		"hook Job/shop/b 7.PreSync succeeded", "hook Job/shop/c 7.PreSync begun", "until 5m0s", "changed")
	s.created(fleet.PreSync, "c").sees("c", runs("7.PreSync", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/c PreSync: succeeded after 0ms", "hook ServiceAccount/shop/sa 7.PreSync succeeded over",
		"hook Job/shop/a 7.PreSync succeeded over", "hook Job/shop/b 7.PreSync succeeded over",
		"hook Job/shop/c 7.PreSync succeeded over", "wait for nothing", "until 5m0s", "changed", "done")
}

// A failure counts when none of the group runs any more, and the first of several is told.
func TestGroupFailsWhenAllHaveEnded(t *testing.T) {
	t.Parallel()
	said := func(text string) func(*agent.HookState) { return func(h *agent.HookState) { h.Message = text } }
	p := planOf([]plan.Hook{hookOf("a", fleet.PreSync), hookOf("b", fleet.PreSync), hookOf("c", fleet.PreSync)}, 0)
	s := begin(t, Prepare, p, runOf(withHooks(stateIn("a", fleet.PreSync, agent.HookFailed, said("one")),
		stateIn("b", fleet.PreSync, agent.HookRunning), stateIn("c", fleet.PreSync, agent.HookFailed, said("two")))))
	s.sees("b", runs("7.PreSync", protocol.HealthProgressing, "it runs"))
	s.next("wait HookRunning: PreSync: Job/shop/b: it runs", "until 5m0s")
	s.sees("b", runs("7.PreSync", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/b PreSync: succeeded after 0ms", "hook Job/shop/a 7.PreSync failed over: one",
		"hook Job/shop/b 7.PreSync succeeded over", "hook Job/shop/c 7.PreSync failed over: two",
		"Failure PreSync: Job/shop/a failed: one; nothing of the app was applied: correct it in Git, and its next "+
			"revision is tried",
		"wait for nothing", "until 5m0s", "changed")
}

func TestPlanThatCannotBeReadFailsItsHooks(t *testing.T) {
	t.Parallel()
	s := begin(t, Prepare, planOf([]plan.Hook{hookOf("migrate", fleet.PreSync)}, 0),
		runOf(withHooks(stateIn("migrate", fleet.PreSync, agent.HookBegun))))
	s.Unreadable = "unexpected end"
	s.next("hook Job/shop/migrate 7.PreSync begun over",
		"Failure PreSync: unexpected end; nothing of the app was applied: "+
			"correct it in Git, and its next revision is tried", "changed")
}

func TestPostSyncHooksComplete(t *testing.T) {
	t.Parallel()
	applied := func(r *agent.Run) { r.Entered, r.Applied = true, true }
	p := planOf([]plan.Hook{hookOf("warm", fleet.PostSync), hookOf("tell", fleet.SyncFail)}, 0)
	s := begin(t, Complete, p, runOf(applied))
	s.Step = fact(protocol.ReasonHookRunning, "x")
	s.next("wait for nothing")
	s.Healthy = true
	s.next("store, or wait HookRunning: PostSync", "create Job/shop/warm as Job/shop/warm 7.PostSync begun",
		"hook Job/shop/warm 7.PostSync begun", "changed")
	s.created(fleet.PostSync, "warm").next("wait HookRunning: PostSync: Job/shop/warm: it runs", "until 5m0s")
	running := s.Progress
	s.sees("warm", runs("7.PostSync", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/warm PostSync: succeeded after 0ms", "hook Job/shop/warm 7.PostSync succeeded over",
		"Done true", "wait for nothing", "until 5m0s", "changed", "done")
	s.next("done")
	s.Progress = running
	s.sees("warm", runs("7.PostSync", protocol.HealthDegraded, "no"))
	d := s.next("explain Job/shop/warm: no", "until 5m0s")
	s.Progress, _ = s.Explained(d.Actions[0].(Explain), "", s.Now)
	s.next("store", "create Job/shop/tell as Job/shop/tell 7.SyncFail begun",
		"hook Job/shop/warm 7.PostSync failed over: no", "hook Job/shop/tell 7.SyncFail begun",
		"Failure PostSync: Job/shop/warm failed: no: everything is applied; correct the hook in Git, and the next "+
			"revision does it again",
		"wait for nothing", "changed")
	s.created(fleet.SyncFail, "tell").next("until 5m0s")
}

func TestCompleteOnlyWhatIsApplied(t *testing.T) {
	t.Parallel()
	p := planOf([]plan.Hook{hookOf("warm", fleet.PostSync), hookOf("tell", fleet.SyncFail)}, 0)
	tell := []string{"store", "create Job/shop/tell as Job/shop/tell 7.SyncFail begun",
		"hook Job/shop/tell 7.SyncFail begun", "changed"}
	for name, c := range map[string]struct {
		run              func(*agent.Run)
		healthy, failing bool
		want             []string
	}{
		"of another plan": {func(r *agent.Run) { r.Digest, r.Applied = "other", true }, true, false,
			[]string{"done"}},
		"waves are not through":   {func(*agent.Run) {}, true, false, []string{"done"}},
		"done":                    {func(r *agent.Run) { r.Applied, r.Done = true, true }, true, false, []string{"done"}},
		"failed":                  {func(r *agent.Run) { r.Applied, r.Failure = true, "x" }, true, false, tell},
		"not healthy, and failed": {func(r *agent.Run) { r.Applied = true }, false, true, tell},
		"not healthy yet":         {func(r *agent.Run) { r.Applied = true }, false, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, Complete, p, runOf(c.run))
			s.Healthy, s.Failing = c.healthy, c.failing
			s.next(c.want...)
		})
	}
	s := begin(t, Complete, p,
		runOf(func(r *agent.Run) { r.Applied = true })) // a degraded phase may be older than the objects
	s.Healthy, s.Failing = true, true
	s.next("store, or wait HookRunning: PostSync", "create Job/shop/warm as Job/shop/warm 7.PostSync begun",
		"hook Job/shop/warm 7.PostSync begun", "changed")
}
