package app

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// A plan may have been placed before it was known that a kind has no namespace. The object that is in the cluster by
// then is the one that it wants.
func TestPlanOfAnUnknownKindFindsItsObject(t *testing.T) {
	guess := protocol.ObjectRef{Group: "example.com", Kind: "Thing", Namespace: "default", Name: "x"}
	bare := guess
	bare.Namespace = ""
	_, s := idle(t)
	want := plan.Want{Ref: guess, KindUnknown: true, Line: agent.SumOf([]byte("a"))}
	a := s.NewApp("web")
	a.Plan, a.Spec = &plan.Plan{Digest: "old", Wants: []plan.Want{want}}, protocol.App{Name: "web", Prune: true}
	s.Board.Add(a, a.Spec)
	a.mover.Adopt(&a.Plan.Wants[0])
	o := a.ByRef[guess]
	if ref, err := a.applier.SettleName(o, o.Want, agent.Resource{Kind: "Thing"}); ref != bare || err != nil {
		t.Fatalf("it is called %s: %v", ref, err)
	}
	if a.ByRef[bare] != o || a.ByRef[guess] != nil || o.Item.Ref != bare || a.Plan.Wants[0].Ref != guess ||
		s.Objects.Owner(bare) != "web" || s.Objects.Owner(guess) != "" {
		t.Fatalf("the object is %s, and the plan wants %s", o.Item.Ref, a.Plan.Wants[0].Ref)
	}
	a.Next = &plan.Plan{Digest: "new", Wants: []plan.Want{want}}
	a.turns.activate()
	a.Publish()
	if len(a.Own) != 1 || a.Own[0] != o || o.Want != &a.Plan.Wants[0] || !s.Board.Keeps("web", bare) {
		t.Errorf("the next plan wants another object: %v", a.ByRef)
	}
}

// The name that a guess turns out to be may be that of an object of another app, which keeps it.
func TestPlanOfAnUnknownKindLeavesTheObjectsOfOtherApps(t *testing.T) {
	t.Parallel()
	guess := protocol.ObjectRef{Group: "example.com", Kind: "Thing", Namespace: "default", Name: "x"}
	bare := guess
	bare.Namespace = ""
	_, s := idle(t)
	a := s.NewApp("web")
	a.Plan = &plan.Plan{Wants: []plan.Want{{Ref: guess, KindUnknown: true}}}
	a.mover.Adopt(&a.Plan.Wants[0])
	s.Objects.Claim("shop", bare, nil)
	o := a.ByRef[guess]
	if _, err := a.applier.SettleName(o, o.Want, agent.Resource{Kind: "Thing"}); err == nil ||
		s.Objects.Owner(bare) != "shop" || o.Item.Ref != guess {
		t.Errorf("it took the object of another app: %v", err)
	}
}
