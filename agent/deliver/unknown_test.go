package deliver

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// A plan may have been placed before it was known that a kind has no namespace. The object that is in the cluster by
// then is the one that it wants.
func TestPlanOfAnUnknownKindFindsItsObject(t *testing.T) {
	guess := protocol.ObjectRef{Group: "example.com", Kind: "Thing", Namespace: "default", Name: "x"}
	bare := guess
	bare.Namespace = ""
	ctx, s := idle(t)
	want := plan.Want{Ref: guess, KindUnknown: true, Line: agent.SumOf([]byte("a"))}
	a := &app{name: "web", plan: &plan.Plan{Digest: "old", Wants: []plan.Want{want}}, spec: protocol.App{Name: "web", Prune: true}}
	s.apps[a.name] = a
	s.claim(a, &a.plan.Wants[0])
	o := s.all[guess]
	s.rename(o)
	if s.all[bare] != o || s.all[guess] != nil || o.item.Ref != bare || a.plan.Wants[0].Ref != guess {
		t.Fatalf("the object is %s, and the plan wants %s", o.item.Ref, a.plan.Wants[0].Ref)
	}
	a.next = &plan.Plan{Digest: "new", Wants: []plan.Want{want}}
	s.activate(ctx, a)
	if len(a.own) != 1 || a.own[0] != o || o.want != &a.plan.Wants[0] || !a.wants(bare) {
		t.Errorf("the next plan wants another object: %v", s.all)
	}
}

// The run knows a hook by the name that it has in the cluster, the plan by the one that was guessed.
func TestHookOfAnUnknownKindIsFoundInItsRun(t *testing.T) {
	ref := protocol.ObjectRef{Group: "example.com", Kind: "Thing", Namespace: "default", Name: "x"}
	hook := plan.Hook{Want: plan.Want{Ref: ref, KindUnknown: true}, Hook: fleet.Hook{Install: []fleet.HookPhase{fleet.Sync}}}
	for _, namespace := range []string{"default", ""} {
		ref.Namespace = namespace
		run := &agent.Run{Hooks: []agent.HookState{{Ref: ref, Mark: "1.Sync"}}}
		if stateOfHook(run, &hook, "1.Sync") != &run.Hooks[0] || stateOfHook(run, &hook, "2.Sync") != nil {
			t.Errorf("the hook %s is not found", ref)
		}
		known := hook
		known.KindUnknown = false
		if found := stateOfHook(run, &known, "1.Sync") != nil; found != (namespace != "") {
			t.Errorf("found by another namespace: %v", found)
		}
	}
}
