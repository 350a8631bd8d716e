package heal

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/drift"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

func TestDriftIsUndone(t *testing.T) {
	t.Parallel()
	unlabelled := "its label was taken away; it is back"
	event := func(by, fields, message string) []string {
		return []string{"one more drift", "healed", "settled: <nil>",
			"drift ConfigMap/shop/x of web by " + `"` + by + `" in ` + fields + ": " + message,
			"last drift in prod: " + message, "news, urgent false"}
	}
	for name, c := range map[string]struct {
		sg     agent.Sighting
		answer agent.Live
		before func(*scene)
		hears  []string
	}{
		"another client changed it": {edited(6), agent.Live{Version: 7}, nil,
			event("kubectl", "[data.k]", "kubectl changed data.k; it is as in Git again")},
		"another client deleted it": {deleted(6), agent.Live{Version: 7, Created: true}, nil,
			event("", "[]", "it was deleted; it is there again")},
		"it lost its label": {deleted(6), agent.Live{Version: 7}, nil,
			event("", "[metadata.labels."+fleet.LabelApp+"]", unlabelled)},
		"it only looked different": {edited(6), agent.Live{Version: 6}, nil, []string{"settled: <nil>"}},
		"nothing of it was another's": {edited(6), agent.Live{Version: 7},
			func(s *scene) { s.culprit = agent.Culprit{} }, []string{"settled: <nil>"}},
		"it was deleted and created again meanwhile": {edited(6), agent.Live{Version: 7, Created: true},
			func(s *scene) { s.culprit = agent.Culprit{Manager: "kubectl"} },
			event("kubectl", "[]", "kubectl changed ; it is as in Git again")},
		"it is left, as it asks in the cluster": {edited(6), agent.Live{Version: 7, Left: true}, nil,
			[]string{"settled: <nil>"}},
		"it is refused": {edited(6), agent.Live{}, func(s *scene) { s.err = errors.New("no") },
			[]string{"settled: no"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.answer = c.answer
			if c.before != nil {
				c.before(s)
			}
			o := s.has()
			s.Heal(t.Context(), o, c.sg)
			if !o.Busy {
				t.Fatal("it is not busy while it is healed")
			}
			s.settle()
			s.hears(c.hears...)
			if !slices.Equal(s.sent, []string{"send " + lineOf("new")}) {
				t.Errorf("sent is %q", s.sent)
			}
			if trusted := o.Item.Fields == c.sg.Live.Fields; trusted != (c.answer.Version == 6) {
				t.Errorf("what it looked like is trusted: %v", trusted)
			}
		})
	}
}

// What is not to be healed now, or not at all, is not sent.
func TestWhatIsNotHealed(t *testing.T) {
	t.Parallel()
	failing := func(o *owned.Object) {
		o.Trouble = owned.NewTrouble()
		o.Trouble.Note(errors.New("no"), time.Now())
	}
	for name, c := range map[string]struct {
		object func(*owned.Object)
		scene  func(*scene)
		sg     agent.Sighting
		kicked bool
	}{
		"a request is under way":   {func(o *owned.Object) { o.Busy = true }, nil, edited(6), false},
		"it is being deleted":      {func(o *owned.Object) { o.Deleting = true }, nil, edited(6), false},
		"Git no longer has it":     {func(o *owned.Object) { o.Want = nil }, nil, edited(6), false},
		"it was never applied":     {func(o *owned.Object) { o.Item.Line = agent.Sum{} }, nil, edited(6), false},
		"the app is suspended":     {nil, func(s *scene) { s.current.Spec.Suspend = true }, edited(6), false},
		"the app keeps drift":      {nil, func(s *scene) { s.Settings.KeepDrift = true }, edited(6), true},
		"it asks to be left alone": {func(o *owned.Object) { o.Item.Paused = true }, nil, edited(6), false},
		"it is applied once only":  {func(o *owned.Object) { o.Want.Mode = fleet.ModeIfNotPresent }, nil, edited(6), false},
		"it was refused just now":  {failing, nil, edited(6), true},
		"it is gone, and its newer content was refused": {func(o *owned.Object) {
			failing(o)
			o.Item.Line = agent.SumOf([]byte(lineOf("old")))
		}, func(s *scene) { s.Was = planOf(s.t, "old") }, deleted(6), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			if c.scene != nil {
				c.scene(s)
			}
			if c.object == nil {
				c.object = func(*owned.Object) {}
			}
			o := s.has(c.object)
			busy := o.Busy
			s.Heal(t.Context(), o, c.sg)
			if o.Busy != busy || s.TurnDue != c.kicked {
				t.Errorf("busy %v, a turn is due: %v", o.Busy, s.TurnDue)
			}
			if due := o.Trouble != nil && o.Trouble.Next.IsZero(); o.Trouble != nil && !due {
				t.Error("what failed is not tried again at once")
			}
			if astray := c.sg.Kind == agent.SightGone; (o.Astray != nil) != astray {
				t.Errorf("the drift from former content is noted: %v", o.Astray != nil)
			}
			if s.settle(); len(s.sent) > 0 && !s.Settings.KeepDrift {
				t.Errorf("sent is %q", s.sent)
			}
		})
	}
}

// Whose newer content is refused is healed to what was applied last.
func TestDriftIsUndoneToFormerContent(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.answer = agent.Live{Version: 7}
	o := s.superseded()
	s.Heal(t.Context(), o, edited(6))
	s.settle()
	if !slices.Equal(s.sent, []string{"send " + lineOf("old")}) {
		t.Errorf("sent is %q", s.sent)
	}
}

// A turn comes back to what drifted while the newer content was tried.
func TestATurnFallsBackToFormerContent(t *testing.T) {
	t.Parallel()
	astray := func(o *owned.Object) { sg := edited(6); o.Astray = &sg }
	for name, c := range map[string]struct {
		former, changed func(*owned.Object)
		suspended, sent bool
	}{
		"it drifted":                  {astray, nil, false, true},
		"nothing is known of a drift": {func(*owned.Object) {}, nil, false, false},
		"its drift was undone":        {astray, func(o *owned.Object) { o.Drifted = false }, false, false},
		"a request is under way":      {astray, func(o *owned.Object) { o.Busy = true }, false, false},
		"it is being deleted":         {astray, func(o *owned.Object) { o.Deleting = true }, false, false},
		"the app is suspended":        {astray, nil, true, false},
		"its content was accepted":    {astray, func(o *owned.Object) { o.Item.Line = o.Want.Line }, false, false},
		"its content is not known": {astray, func(o *owned.Object) { o.Item.Line = agent.SumOf([]byte("?")) }, false,
			false},
		"it asks to be left alone": {astray, func(o *owned.Object) { o.Item.Paused = true }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.current.Spec.Suspend = c.suspended
			o := s.superseded(c.former)
			if c.changed != nil {
				c.changed(o)
			}
			s.FallBack(t.Context())
			s.settle()
			var want []string
			if c.sent {
				want = []string{"send " + lineOf("old")}
			}
			if !slices.Equal(s.sent, want) {
				t.Errorf("sent is %q", s.sent)
			}
		})
	}
}

func TestFormerContentIsReducedToWhatNeedsIt(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.KeepLast(t.Context())
	if s.Lasts != nil {
		t.Fatal("there is former content of nothing")
	}
	o := s.superseded()
	older := planOf(t, "older")
	s.Lasts = append(s.Lasts, older)
	s.KeepLast(t.Context())
	if len(s.Lasts) != 1 || s.Was != nil || s.Lasts[0].Find(o.Item.Ref, o.Item.Line) == nil {
		t.Fatalf("kept is %v, and beside it %v", s.Lasts, s.Was)
	}
	if s.KeepLast(t.Context()); len(s.Lasts) != 1 {
		t.Error("what is needed is forgotten")
	}
	o.Item.Line = o.Want.Line
	if s.KeepLast(t.Context()); len(s.Lasts) != 0 {
		t.Error("what is accepted is kept")
	}
	if len(s.lost) > 0 {
		t.Errorf("lost is %q", s.lost)
	}
}

// contested is an object that was deleted three times within as many minutes, in an app whose lines cannot be read:
// what is healed is told as a failure, and nothing is decompressed in the bubble of a synctest.
func contested(t *testing.T) (*scene, *owned.Object) {
	t.Helper()
	s := &scene{t: t}
	s.build(&plan.Plan{Wants: []plan.Want{{Ref: protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: "x"},
		Line: agent.SumOf([]byte("content"))}}})
	return s, s.has(func(o *owned.Object) {
		o.Conflict = drift.NewConflict(time.Now())
		for range 3 {
			o.Conflict.Count(deleted(6))
			time.Sleep(time.Minute)
		}
	})
}

const tried = "settled: decompress: unexpected EOF"

// What is deleted again and again is recreated after a pause, and the newest look is what is healed.
func TestAnObjectThatIsDeletedAgainAndAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := contested(t)
		s.Heal(t.Context(), o, deleted(8))
		s.settle()
		s.hears("news, urgent true")
		pause := time.Until(o.Paced)
		if o.Busy || pause < 2*time.Second || pause > 5*time.Second {
			t.Fatalf("it is recreated after %s", pause)
		}
		s.Heal(t.Context(), o, deleted(9))
		time.Sleep(pause - 1)
		s.settle()
		s.hears()
		time.Sleep(2 * time.Nanosecond)
		s.settle()
		if s.hears(tried); !o.Paced.IsZero() {
			t.Errorf("it is healed at %s", o.Paced)
		}
		s.Heal(t.Context(), o, edited(10)) // which is another matter
		s.settle()
		s.hears(tried)
		s.Heal(t.Context(), o, deleted(11))
		if again := time.Until(o.Paced); again < 5*time.Second || again > 10*time.Second {
			t.Errorf("it is recreated after %s", again)
		}
	})
}

func TestWhyAnObjectIsRecreatedSlowlyIsTold(t *testing.T) {
	t.Parallel()
	s := begin(t)
	o := s.has(func(o *owned.Object) { o.Conflict = drift.NewConflict(time.Now()) })
	for range 4 {
		o.Conflict.Count(deleted(6))
	}
	s.journal(o, deleted(6), agent.Live{Created: true}, agent.Culprit{}, time.Second)
	if text := "it was deleted; it is there again; it " + o.Conflict.Recreating(); len(s.told) != 3 ||
		!strings.HasSuffix(s.told[0], text) || !strings.HasSuffix(s.told[1], text) {
		t.Errorf("told is %q", s.told)
	}
}

// What became of an object during the pause counts.
func TestWhatIsNoLongerHealedAfterAPause(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*owned.Object){
		"it is another app's":     func(o *owned.Object) { o.Gone = true },
		"Git no longer has it":    func(o *owned.Object) { o.Want = nil },
		"it was healed otherwise": func(o *owned.Object) { o.Drifted = false },
		"a request is under way":  func(o *owned.Object) { o.Busy = true },
		"it is being deleted":     func(o *owned.Object) { o.Deleting = true },
		"the conflict is another": func(o *owned.Object) { o.Conflict = drift.NewConflict(time.Now()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, o := contested(t)
				s.Heal(t.Context(), o, deleted(8))
				change(o)
				time.Sleep(5 * time.Second)
				s.settle()
				s.hears("news, urgent true")
			})
		})
	}
}

func TestAConflictIsForgottenWhenItIsQuiet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, o := contested(t)
		s.Heal(t.Context(), o, deleted(8))
		began, limit := time.Now(), time.NewTimer(time.Hour)
		s.HandleUntil(t.Context(), limit.C, func() bool { return o.Conflict == nil })
		s.settle()
		s.hears("news, urgent true", tried, "quiet")
		if took := time.Since(began); took < 10*time.Minute || took > 12*time.Minute { // recreateWindow, and a look after it
			t.Errorf("it is forgotten after %s", took)
		}
	})
}

// A conflict that is over, or of which there is no object any more, is not told.
func TestNothingIsQuietThatIsGone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*owned.Object){
		"it is another app's":   func(o *owned.Object) { o.Gone = true },
		"it was forgotten else": func(o *owned.Object) { o.Conflict = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, o := contested(t)
				s.watchSlowdown(t.Context(), o)
				change(o)
				time.Sleep(time.Hour)
				s.settle()
				s.hears()
			})
		})
	}
}

// The journal of the app names the object, and what the report says of the last drift is complete.
func TestTheLastDriftIsReported(t *testing.T) {
	t.Parallel()
	s := begin(t)
	var last *protocol.Event
	s.Env.Corrected = func(e *protocol.Event) {
		if e != nil {
			last = e
		}
	}
	s.current.Accepted.Bundle.Generation = 9
	s.answer = agent.Live{Version: 7}
	o, sg := s.has(), edited(6)
	s.Heal(t.Context(), o, sg)
	s.settle()
	if last == nil || last.Generation != 9 || last.Cluster != "prod" || last.Version != protocol.Version ||
		*last.Object != o.Item.Ref || last.App != "web" || !last.Time.Equal(sg.At) {
		t.Errorf("the last drift is %+v", last)
	}
}
