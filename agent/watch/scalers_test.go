package watch

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// step is one thing that the watch of autoscalers tells, and what is known after it.
type step struct {
	kind   agent.SightingKind
	name   string
	target string // of the autoscaler
	again  bool   // whether something may be scaled by another one, or none
	scaled []string
}

func TestWhatAutoscalersScale(t *testing.T) {
	t.Parallel()
	web := func(name string) protocol.ObjectRef {
		return protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "ns", Name: name}
	}
	all := []string{"a", "b"}
	for name, steps := range map[string][]step{
		"a list is known when it is complete": {
			{kind: agent.SightListing}, {kind: agent.SightObject, name: "x", target: "a"},
			{kind: agent.SightListed, again: true, scaled: []string{"a"}}},
		"one that comes takes nothing from another": {
			{kind: agent.SightListing}, {kind: agent.SightListed, again: true},
			{kind: agent.SightObject, name: "x", target: "a", scaled: []string{"a"}}},
		"one that goes leaves its object": {
			{kind: agent.SightObject, name: "x", target: "a", scaled: []string{"a"}},
			{kind: agent.SightGone, name: "x", again: true}},
		"one that is turned to another object": {
			{kind: agent.SightObject, name: "x", target: "a", scaled: []string{"a"}},
			{kind: agent.SightObject, name: "x", target: "a", scaled: []string{"a"}},
			{kind: agent.SightObject, name: "x", target: "b", again: true, scaled: []string{"b"}}},
		"what is known stays known while the watch is lost": {
			{kind: agent.SightObject, name: "x", target: "a", scaled: []string{"a"}},
			{kind: agent.SightListing, scaled: []string{"a"}}, {kind: agent.SightLost, scaled: []string{"a"}},
			{kind: agent.SightObject, name: "y", target: "b", scaled: all}},
		"one that went while the watch was lost": {
			{kind: agent.SightObject, name: "x", target: "a", scaled: []string{"a"}},
			{kind: agent.SightListing, scaled: []string{"a"}}, {kind: agent.SightListed, again: true}},
	} {
		k := &scalers{answered: make(chan struct{}), targets: map[scalerName]protocol.ObjectRef{}}
		s := NewScalers(&Session{}, nil)
		s.all[""] = k
		for i, st := range steps {
			again := s.seen(k, st.kind, agent.Scaler{Namespace: "ns", Name: st.name, Target: web(st.target)})
			if again != st.again {
				t.Errorf("%s: after step %d something may be scaled otherwise: %t", name, i, again)
			}
			for _, object := range all {
				want := false
				for _, x := range st.scaled {
					want = want || x == object
				}
				if s.Scales(web(object)) != want {
					t.Errorf("%s: after step %d %s is scaled: %t", name, i, object, !want)
				}
			}
		}
	}
}

func TestTheFirstAnswerIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, kind := range []agent.SightingKind{agent.SightLost, agent.SightListed} {
		k := &scalers{answered: make(chan struct{}), targets: map[scalerName]protocol.ObjectRef{}}
		s := NewScalers(&Session{}, nil)
		s.all[""] = k
		s.seen(k, agent.SightListing, agent.Scaler{})
		s.seen(k, kind, agent.Scaler{})
		s.seen(k, kind, agent.Scaler{}) // closes nothing twice
		if known := s.Known(t.Context(), "ns"); known != (kind == agent.SightListed) {
			t.Errorf("after %d there was a list: %t", kind, known)
		}
	}
}
