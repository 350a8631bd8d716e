package sight

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
)

var errNotYet = errors.New("it is not known to have completed")

// How a Job ended is stored at once: it may be deleted the next moment.
func TestHowAnObjectEndedIsStored(t *testing.T) {
	t.Parallel()
	completed := func(sg *agent.Sighting) { sg.Live.Outcome = agent.OutcomeCompleted }
	failedNow := func(sg *agent.Sighting) {
		sg.Live.Outcome, sg.Verdict.Message = agent.OutcomeFailed, "it failed: exit code 3"
	}
	uid := func(of string) func(*agent.Sighting) { return func(sg *agent.Sighting) { sg.Live.UID = of } }
	known := func(o *owned.Object) { o.Item.UID = "u1" }
	for name, c := range map[string]struct {
		object func(*owned.Object)
		look   agent.Sighting
		want   *agent.Ended
	}{
		"it runs":      {known, at(6, fields), nil},
		"it completed": {known, at(6, fields, completed), &agent.Ended{Line: content}},
		"it failed": {known, at(6, fields, failedNow), &agent.Ended{Line: content,
			Failed: "it failed: exit code 3"}},
		"it completed, with the same uid":          {known, at(6, others, completed, uid("u1")), &agent.Ended{Line: content}},
		"another one completed":                    {known, at(6, others, completed, uid("u2")), nil},
		"one without a uid, not as it was applied": {func(*owned.Object) {}, at(6, others, completed), nil},
		"it was never applied": {func(o *owned.Object) { o.Item.Line = agent.Sum{} }, at(6, fields,
			completed), nil},
	} {
		s := begin(t)
		o := s.has("Job", c.object)
		s.See(t.Context(), o, c.look)
		switch {
		case (o.Item.Ended == nil) != (c.want == nil), c.want != nil && *o.Item.Ended != *c.want:
			t.Errorf("%s: stored is %+v", name, o.Item.Ended)
		case s.woken() != (c.want != nil), c.want != nil && !s.Dirty:
			t.Errorf("%s: the turn that stores it is not due, or one is that stores nothing", name)
		}
		if s.See(t.Context(), o, c.look); s.woken() {
			t.Errorf("%s: it is stored again", name)
		}
	}
}

// Of a Job that was deleted while no agent looked the events are asked, once more after a moment.
func TestAJobWhoseEndWasMissed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []error
		change  func(*owned.Object) // while it is asked
		ended   bool
		hears   []string
		took    time.Duration
	}{
		"it completed": {[]error{nil}, nil, true, []string{"changed from current to current"}, 0},
		"the event comes a moment later": {[]error{errNotYet, nil}, nil, true,
			[]string{"changed from current to current"}, unseenPause},
		"it did not complete": {[]error{errNotYet, errNotYet}, nil, false,
			[]string{"heal what is gone", "changed from current to progressing"}, unseenPause},
		"nobody knows": {[]error{errors.New("no answer")}, nil, false,
			[]string{"heal what is gone", "changed from current to progressing"}, 0},
		"it is there again":    {[]error{nil}, func(o *owned.Object) { o.Present = true }, false, nil, 0},
		"it is given away":     {[]error{nil}, func(o *owned.Object) { o.Gone = true }, false, nil, 0},
		"Git has it no longer": {[]error{nil}, unwanted, false, nil, 0},
		"another one was applied": {[]error{nil}, func(o *owned.Object) { o.Item.UID = "u2" },
			false, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, start := begin(t), time.Now()
				s.cluster.completed = slices.Clone(c.answers)
				o := s.has("Job", func(o *owned.Object) { o.Item.UID = "u1" })
				s.See(t.Context(), o, gone(6))
				if s.hears(); o.Drifted {
					t.Error("it counts as drifted before it is known how it ended")
				}
				if c.change != nil {
					c.change(o)
				}
				s.Await(t.Context(), s.crew.Close)
				if o.Ended() != c.ended || len(s.cluster.asked) != len(c.answers) || time.Since(start) != c.took {
					t.Errorf("ended %v, asked for %q after %s", o.Ended(), s.cluster.asked, time.Since(start))
				}
				s.hears(c.hears...)
				if s.unseenEnd(t.Context(), o, gone(7)) && o.Item.UID == "u1" {
					t.Error("it is asked for again")
				}
			})
		})
	}
}

func TestWhatIsNotAskedFor(t *testing.T) {
	t.Parallel()
	s := begin(t)
	if s.unseenEnd(t.Context(), s.has("ConfigMap"), gone(6)) {
		t.Error("it is asked for an object that has no uid")
	}
	seen := gone(6)
	seen.Live.UID = "u1"
	if s.unseenEnd(t.Context(), s.has("Job", func(o *owned.Object) { o.Item.UID = "u1" }), seen) {
		t.Error("it is asked for an object that was seen until it was gone")
	}
}
