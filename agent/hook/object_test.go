package hook

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestWayOverWhatIsThere(t *testing.T) {
	t.Parallel()
	implied := hookOf("h", fleet.PreSync)
	written := withPolicy(implied, fleet.HookFailed, fleet.BeforeHookCreation)
	kept := withPolicy(implied, fleet.HookSucceeded)
	job, account, claim := jobNamed("h"), refTo("ServiceAccount", "h"), refTo("PersistentVolumeClaim", "h")
	const (
		foreign = "it is there and belongs to app web: take it out of one of them"
		noHook  = "there is one of this name already, and it is no hook: delete it, or give the hook another name"
		leaves  = "the one of an earlier run is still there, and its delete policy leaves it: add BeforeHookCreation to " +
			"the policy, use generateName, or delete it"
	)
	for name, c := range map[string]struct {
		hook   plan.Hook
		ref    protocol.ObjectRef
		live   agent.Live
		spared bool
		want   Way
		text   string
	}{
		"of this run":             {kept, job, agent.Live{HookRun: mine, App: "web"}, false, Found, ""},
		"of this run, and spared": {kept, job, agent.Live{HookRun: mine}, true, Found, ""},
		"of an earlier run": {implied, job, agent.Live{HookRun: other, Hook: true, App: "shop"}, false, Replace,
			""},
		"of an earlier run, as written": {written, job, agent.Live{HookRun: other, Hook: true}, false, Replace, ""},
		"it is left": {kept, job, agent.Live{HookRun: other, Hook: true, App: "shop"}, false, Refuse,
			leaves},
		"it is left, and spared":     {kept, job, agent.Live{HookRun: other, Hook: true}, true, Overwrite, ""},
		"an object of the app":       {implied, job, agent.Live{App: "shop"}, false, Replace, ""},
		"another app's":              {implied, job, agent.Live{App: "web", Hook: true}, false, Refuse, foreign},
		"another tool's":             {implied, job, agent.Live{}, false, Refuse, noHook},
		"another tool's hook":        {implied, job, agent.Live{Hook: true}, false, Replace, ""},
		"without health":             {implied, account, agent.Live{}, false, Overwrite, ""},
		"without health, as written": {written, account, agent.Live{Hook: true}, false, Replace, ""},
		"data":                       {implied, claim, agent.Live{Hook: true}, false, Overwrite, ""},
		"data, as written":           {written, claim, agent.Live{Hook: true}, false, Replace, ""},
	} {
		c.hook.Ref = c.ref
		got, err := WayOf(&c.hook, agent.HookState{Ref: c.ref, Mark: mine}, "shop", c.live, c.spared)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != c.want || text != c.text || (err != nil) != (agent.ReasonOf(err) == agent.ReasonInvalid) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

func TestWayOfReleasing(t *testing.T) {
	t.Parallel()
	remove := func(h *agent.HookState) { h.Remove = true }
	policy := func(p fleet.DeletePolicy) func(*agent.HookState) {
		return func(h *agent.HookState) { h.Delete = []fleet.DeletePolicy{fleet.BeforeHookCreation, p} }
	}
	for name, c := range map[string]struct {
		h      agent.HookState
		mark   string
		spared bool
		want   ReleaseWay
	}{
		"kept": {stateIn("h", fleet.PreSync, agent.HookSucceeded), mine, false, RemoveFinalizer},
		"succeeded": {stateIn("h", fleet.PreSync, agent.HookSucceeded, policy(fleet.HookSucceeded)), mine, false,
			DeleteObject},
		"succeeded, not failed": {stateIn("h", fleet.PreSync, agent.HookSucceeded, policy(fleet.HookFailed)), mine, false,
			RemoveFinalizer},
		"failed": {stateIn("h", fleet.PreSync, agent.HookFailed, policy(fleet.HookFailed)), mine, false,
			DeleteObject},
		"failed, not succeeded": {stateIn("h", fleet.PreSync, agent.HookFailed, policy(fleet.HookSucceeded)), mine, false,
			RemoveFinalizer},
		"removed":             {stateIn("h", fleet.PreSync, agent.HookSucceeded, remove), mine, false, DeleteObject},
		"removed, but spared": {stateIn("h", fleet.PreSync, agent.HookSucceeded, remove), mine, true, RemoveFinalizer},
		"that of another run": {stateIn("h", fleet.PreSync, agent.HookSucceeded, remove), other, false, LeaveObject},
	} {
		if got := ReleaseOf(c.h, agent.Live{HookRun: c.mark}, c.spared); got != c.want {
			t.Errorf("%s: %d", name, got)
		}
	}
	account := stateIn("", fleet.PreSync, agent.HookSucceeded)
	account.Ref = refTo("ServiceAccount", "sa")
	doomed := account
	doomed.Remove = true
	for name, c := range map[string]struct {
		h    agent.HookState
		want bool
	}{
		"without a finalizer":                {account, true},
		"without a finalizer, to be deleted": {doomed, false},
		"with a finalizer":                   {stateIn("h", fleet.PreSync, agent.HookSucceeded), false},
	} {
		if got := NothingToRelease(c.h); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAppThatGoesOnUnderAnotherName(t *testing.T) {
	t.Parallel()
	last := planOf([]plan.Hook{hookOf("before", fleet.PreDelete), hookOf("after", fleet.PostDelete), hookOf("sync",
		fleet.Sync)}, 0, 0)
	with := func(hooks []plan.Hook, wants ...plan.Want) *plan.Plan { return &plan.Plan{Hooks: hooks, Wants: wants} }
	for name, c := range map[string]struct {
		last   *plan.Plan
		others []*plan.Plan
		want   bool
	}{
		"alone":                       {last, nil, false},
		"all objects":                 {last, []*plan.Plan{with(nil, last.Wants...)}, true},
		"all objects, in two":         {last, []*plan.Plan{with(nil, last.Wants[0]), with(nil, last.Wants[1])}, true},
		"one object":                  {last, []*plan.Plan{with(nil, last.Wants[1])}, false},
		"all delete hooks":            {last, []*plan.Plan{with(last.Hooks[:2])}, true},
		"one delete hook":             {last, []*plan.Plan{with(last.Hooks[:1])}, false},
		"the other delete hook":       {last, []*plan.Plan{with(last.Hooks[1:])}, false},
		"another hook":                {last, []*plan.Plan{with(last.Hooks[2:])}, false},
		"no objects":                  {planOf(last.Hooks), nil, false},
		"no objects, and other hooks": {planOf(last.Hooks), []*plan.Plan{planOf(nil, 0)}, false},
		"no delete hooks":             {planOf(last.Hooks[2:], 0, 0), nil, false},
	} {
		of := func(w *plan.Want) protocol.ObjectRef { return w.Ref }
		if got := TakenOver(c.last, c.others, of); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	elsewhere := func(*plan.Want) protocol.ObjectRef {
		return refTo("ConfigMap",
			"x")
	} // the cluster knows it by another name
	if TakenOver(last, []*plan.Plan{with(nil, last.Wants...)}, elsewhere) {
		t.Error("the objects are looked up by the names in the plan")
	}
}
