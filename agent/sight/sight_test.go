package sight

import (
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// state is what a look changes of an object.
type state struct {
	Version                          uint64
	Ours, Drifted, Trouble, Deleting bool
	Fields                           agent.Sum
}

func stateOf(o *owned.Object) state {
	return state{o.Version, o.Ours, o.Drifted, o.Trouble != nil, o.Deleting, o.Item.Fields}
}

func TestALookIsComparedWithWhatIsKnown(t *testing.T) {
	t.Parallel()
	drifted := func(o *owned.Object) {
		o.Drifted, o.Ours, o.Astray, o.Item.Told = true, false, &agent.Sighting{}, others
	}
	for name, c := range map[string]struct {
		object func(*owned.Object)
		look   agent.Sighting
		want   state
		hears  []string
	}{
		"it is as it was":                    {nil, at(5, fields), state{5, true, false, false, false, fields}, nil},
		"what an apply left looks otherwise": {nil, at(5, others), state{5, true, false, false, false, others}, nil},
		"an older look": {nil, at(4, others, func(sg *agent.Sighting) { sg.Verdict = ill() }),
			state{5, true, false, false, false, fields}, nil},
		"another client changed what is Drover's": {nil, at(6, others),
			state{6, false, true, false, false, fields}, []string{"heal"}},
		"another client changed something else": {nil, at(6, fields),
			state{6, false, false, false, false, fields}, nil},
		"a drift was undone": {drifted, at(6, fields), state{6, false, false, false, false, fields}, nil},
		"what could not be applied is as it should be": {failed(agent.ReasonDenied), at(6, fields),
			state{6, false, false, false, false, fields}, nil},
		"newer content could not be applied": {func(o *owned.Object) { newer(o); failed(agent.ReasonDenied)(o) },
			at(6, fields), state{6, false, false, true, false, fields}, nil},
		"Git no longer has it, and another client changed it": {unwanted, at(6, others),
			state{6, true, false, false, false, fields}, nil},
		"it was never applied": {func(o *owned.Object) { o.Item.Line, o.Ours = agent.Sum{}, false }, at(6, others),
			state{6, false, false, false, false, fields}, nil},
		"it is being deleted": {nil, at(6, fields, func(sg *agent.Sighting) { sg.Live.Deleting = true }),
			state{6, false, false, false, true, fields}, nil},
		"it is no longer well": {nil, at(6, fields, func(sg *agent.Sighting) { sg.Verdict = ill() }),
			state{6, false, false, false, false, fields}, []string{"changed from current to degraded"}},
		"it drifts and is no longer well": {nil, at(6, others, func(sg *agent.Sighting) { sg.Verdict = ill() }),
			state{6, false, true, false, false, fields}, []string{"heal", "changed from current to degraded"}},
		"it says something else": {nil, at(6, fields, func(sg *agent.Sighting) { sg.Verdict.Message = "new" }),
			state{6, false, false, false, false, fields}, []string{"changed from current to current"}},
	} {
		s := begin(t)
		if c.object == nil {
			c.object = func(*owned.Object) {}
		}
		o := s.has("ConfigMap", c.object)
		s.See(t.Context(), o, c.look)
		if got := stateOf(o); got != c.want {
			t.Errorf("%s: %+v, not %+v", name, got, c.want)
		}
		if !o.Drifted && (o.Astray != nil || o.Want != nil && o.Item.Told != (agent.Sum{})) {
			t.Errorf("%s: a drift is remembered that is no more", name)
		}
		t.Run(name, func(t *testing.T) { s.t = t; s.hears(c.hears...) })
	}
}

func TestWhatALookTellsIsNoted(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has("ConfigMap", func(o *owned.Object) {
		o.Unnoticed = owned.Unnoticed{Of: protocol.ObjectRef{Name: "y"}}
	})
	owner := agent.Owner{UID: "u1"}
	s.See(t.Context(), o, at(6, fields, func(sg *agent.Sighting) {
		sg.Live.Generation, sg.Live.Owners, sg.Live.Paused = 3, []agent.Owner{owner}, true
	}))
	if o.Generation != 3 || len(o.Owners) != 1 || o.Owners[0] != "u1" || !o.Item.Paused || !s.Dirty || !s.woken() {
		t.Errorf("generation %d, owners %v, paused %v", o.Generation, o.Owners, o.Item.Paused)
	}
	if o.Unnoticed.Of.Name != "y" {
		t.Error("a change is noticed by an object that is as it was")
	}
	s.Dirty = false
	s.See(t.Context(), o, at(7, fields, func(sg *agent.Sighting) { sg.Live.Paused, sg.Verdict = true, ill() }))
	if s.Dirty || s.woken() || o.Unnoticed != (owned.Unnoticed{}) {
		t.Error("it is told again that it is paused, or its controller has not noticed a change")
	}
}

// While a request for an object is under way it is not judged: the newest look is, when the answer is there.
func TestTheNewestLookWaitsForARequest(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has("ConfigMap", func(o *owned.Object) { o.Busy = true })
	for _, version := range []uint64{6, 8, 7} {
		s.See(t.Context(), o, at(version, others))
	}
	if s.hears(); o.Version != 5 || o.Stash == nil || o.Stash.Live.Version != 8 {
		t.Fatalf("version %d is known, and %+v waits", o.Version, o.Stash)
	}
	o.Busy = false
	s.JudgeStash(t.Context(), o)
	if s.hears("heal"); o.Version != 8 || o.Stash != nil {
		t.Errorf("version %d is known, and %+v waits", o.Version, o.Stash)
	}
	if s.JudgeStash(t.Context(), o); len(s.told) > 0 {
		t.Error("it is judged twice")
	}
	last := at(9, others)
	o.Stash, o.Gone = &last, true
	if s.JudgeStash(t.Context(), o); len(s.told) > 0 || o.Stash != nil || o.Version != 8 {
		t.Error("what is another app's is judged")
	}
}

func TestAnObjectThatIsGone(t *testing.T) {
	t.Parallel()
	removing := func(o *owned.Object) { o.Removing = true }
	endedBefore := func(o *owned.Object) { o.Item.Ended = &agent.Ended{Line: content} }
	for name, c := range map[string]struct {
		object  []func(*owned.Object)
		hears   []string
		drifted bool
		woken   bool
		health  protocol.Health
	}{
		"another client deleted it": {nil, []string{"heal what is gone", "changed from current to progressing"}, true, false,
			protocol.HealthProgressing},
		"the agent deleted it": {[]func(*owned.Object){unwanted, removing}, []string{"pruned"}, false, false,
			protocol.HealthCurrent},
		"Git no longer has it": {[]func(*owned.Object){unwanted}, nil, false, false, protocol.HealthCurrent},
		"the agent recreates it": {[]func(*owned.Object){removing, failed(agent.ReasonEnding)},
			[]string{"heal what is gone", "changed from current to progressing"}, true, true, protocol.HealthProgressing},
		"it failed for another reason": {[]func(*owned.Object){failed(agent.ReasonDenied)},
			[]string{"heal what is gone", "changed from current to progressing"}, true, false, protocol.HealthProgressing},
		"it had ended": {[]func(*owned.Object){endedBefore, func(o *owned.Object) { o.Drifted = true }},
			[]string{"changed from current to current"}, false, false, protocol.HealthCurrent},
		"it had ended, and was in the way of its next content": {
			[]func(*owned.Object){endedBefore, newer, failed(agent.ReasonImmutable)},
			[]string{"changed from current to current"}, false, true, protocol.HealthCurrent},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			o := s.has("ConfigMap", c.object...)
			s.See(t.Context(), o, gone(6))
			s.hears(c.hears...)
			if o.Present || o.Ours || o.Drifted != c.drifted || s.woken() != c.woken || o.Verdict.Health != c.health {
				t.Errorf("present %v, drifted %v, due %v: %+v", o.Present, o.Drifted, s.Running, o.Verdict)
			}
			if due := o.Trouble != nil && o.Trouble.Next.IsZero(); due != c.woken {
				t.Errorf("it is tried again at once: %v", due)
			}
			if c.drifted && o.Removing {
				t.Error("what is to be there counts as being removed")
			}
		})
	}
}

// A look into an object ends when the object is gone.
func TestALookIntoWhatIsGoneEnds(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has("Deployment", func(o *owned.Object) { o.Verdict = ill() })
	if s.Inquire(t.Context(), o); o.Look == nil {
		t.Fatal("what is ill is not looked into")
	}
	s.See(t.Context(), o, gone(6))
	if o.Look != nil || o.Verdict != (fleet.Verdict{Health: protocol.HealthProgressing, Message: "it is not there"}) {
		t.Errorf("%+v", o.Verdict)
	}
}
