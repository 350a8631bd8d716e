package hook

import (
	"context"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func back(r *agent.Run) { r.Back = true }

// planFrom is a plan without objects, of content that the agent goes back to from other content.
func planFrom(t *testing.T, digest string, taken ...string) *plan.Plan {
	t.Helper()
	spec := protocol.App{Name: "shop", Namespace: "shop", Blob: &protocol.Blob{Digest: digest, Objects: 1},
		Handling: protocol.Handling{Rollback: taken}}
	line := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"h","annotations":{"drover.dev/hook":"PreSync"}}}`
	p, err := plan.Read(context.Background(), plan.Source{Spec: spec, Generation: 7, Lines: []byte(line + "\n")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A run goes back where the agent has what was taken back, or was about to have it; and nowhere else.
func TestWhatARunGoesBackFrom(t *testing.T) {
	t.Parallel()
	of := func(digest string, change ...func(*agent.Run)) *agent.Run {
		r := runOf(change...)
		r.Digest = digest
		return r
	}
	good := planFrom(t, "good", "worse", "bad")
	for name, c := range map[string]struct {
		run     *agent.Run
		inForce *plan.Plan
		install bool
		want    bool
	}{
		"what was taken back is in force":        {nil, planFrom(t, "bad"), false, true},
		"it was given before another":            {nil, planFrom(t, "worse"), false, true},
		"its hooks were begun":                   {of("bad"), planFrom(t, "good"), false, true},
		"it never came here":                     {of("older"), planFrom(t, "older"), false, false},
		"it is being removed":                    {of("bad", leaving), nil, false, false},
		"nothing of the app was there":           {of("bad"), nil, true, false},
		"nothing is known of what was in force":  {nil, nil, false, false},
		"the same content, which is not touched": {nil, planFrom(t, "good"), false, false},
	} {
		got, _ := Progress{Run: c.run}.Begin(good, c.inForce, c.install, start)
		if got.Run == nil || got.Run.Back != c.want {
			t.Errorf("%s: it goes back: %v, want %v", name, !c.want, c.want)
		}
	}
	if got, _ := (Progress{}).Begin(planFrom(t, "next"), planFrom(t, "bad"), false, start); got.Run.Back {
		t.Error("what comes after it is taken for the way back")
	}
}

// On the way back the hooks for that are done, and none that leads to a revision.
func TestHooksOfTheWayBack(t *testing.T) {
	t.Parallel()
	hooks := []plan.Hook{hookOf("migrate", fleet.PreSync), hookOf("seed", fleet.Sync), hookOf("warm", fleet.PostSync),
		hookOf("undo", fleet.PreRollback), hookOf("tell", fleet.PostRollback)}
	p := planOf(hooks, 0, 1)
	s := begin(t, Prepare, p, runOf(back))
	s.next("store, or wait HookRunning: PreRollback", "create Job/shop/undo as Job/shop/undo 7.PreRollback begun",
		"hook Job/shop/undo 7.PreRollback begun", "changed")
	s.created(fleet.PreRollback, "undo").next("wait HookRunning: PreRollback: Job/shop/undo: it runs", "until 5m0s")
	s.sees("undo", runs("7.PreRollback", protocol.HealthCurrent, ""))
	s.next("event hook Job/shop/undo PreRollback: succeeded after 0ms", "hook Job/shop/undo 7.PreRollback succeeded over",
		"wait for nothing", "until 5m0s", "changed", "done")

	s = begin(t, Deliver, p, runOf(back, reached(0)))
	s.current(0).next("apply 1", "Wave 1", "changed") // and no Sync hook
	s.current(1).next("Applied true", "changed", "done")

	s = begin(t, Complete, p, runOf(back, func(r *agent.Run) { r.Entered, r.Applied = true, true }))
	s.Healthy = true
	s.next("store, or wait HookRunning: PostRollback", "create Job/shop/tell as Job/shop/tell 7.PostRollback begun",
		"hook Job/shop/tell 7.PostRollback begun", "changed")

	s = begin(t, Deliver, planOf(hooks[:3], 0), runOf(back, reached(0))) // there is none for the way back
	s.current(0).next("Applied true", "Done true", "changed", "done")
	begin(t, Prepare, planOf(hooks[:3], 0), runOf(back)).next("done")
	begin(t, Prepare, planOf(hooks[3:], 0), runOf()).next("done") // which are not done on the way there

	s = begin(t, Prepare, p, runOf(back, withHooks(stateIn("undo", fleet.PreRollback, agent.HookFailed,
		func(h *agent.HookState) { h.Message = "no" }))))
	s.InForce = true
	s.next("hook Job/shop/undo 7.PreRollback failed over: no", "Failure PreRollback: Job/shop/undo failed: no; keeping "+
		"the last applied version: correct it in Git, and its next revision is tried", "changed")
}
