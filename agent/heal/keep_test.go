package heal

import (
	"errors"
	"slices"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
)

const left = ", because the app keeps drift: it is as in Git again when its next change in Git comes, " +
	"or put it right by hand"

// An app that keeps drift is told of it, once for each that it is.
func TestDriftThatIsKeptIsTold(t *testing.T) {
	t.Parallel()
	event := func(by, fields, message string) []string {
		return []string{"drift ConfigMap/shop/x of web by " + `"` + by + `" in ` + fields + ": " + message + left,
			"news, urgent false"}
	}
	for name, c := range map[string]struct {
		sg      agent.Sighting
		before  func(*scene)
		hears   []string
		sent    []string
		drifted bool
	}{
		"another client changed it": {edited(6), func(*scene) {},
			event("kubectl", "[data.k]", "kubectl changed data.k; it is left so"), []string{"ask " + lineOf("new")}, true},
		"it was deleted": {deleted(6), func(*scene) {}, event("", "[]", "it was deleted, and left so"), nil, true},
		"it only looks different": {edited(6), func(s *scene) { s.culprit = agent.Culprit{} }, nil,
			[]string{"ask " + lineOf("new")}, false},
		"the cluster does not say": {edited(6), func(s *scene) { s.err = errors.New("no") },
			event("", "[]", "another client changed it; it is left so"), []string{"ask " + lineOf("new")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.Settings.KeepDrift = true
			c.before(s)
			o := s.has()
			s.Heal(t.Context(), o, c.sg)
			told := o.Item.Told
			if !s.Dirty || !s.TurnDue || told == (agent.Sum{}) {
				t.Error("that it was told is not stored")
			}
			s.settle()
			s.hears(c.hears...)
			if !slices.Equal(s.sent, c.sent) || o.Drifted != c.drifted {
				t.Errorf("sent is %q, drifted %v", s.sent, o.Drifted)
			}
			if trusted := o.Item.Told == (agent.Sum{}) && o.Item.Fields == c.sg.Live.Fields; trusted == c.drifted {
				t.Errorf("what it looks like is trusted: %v", trusted)
			}
			if !c.drifted {
				return
			}
			s.TurnDue = false
			s.Heal(t.Context(), o, c.sg)
			if s.settle(); s.TurnDue || len(s.told) > 0 {
				t.Errorf("the same drift is told again: %q", s.told)
			}
		})
	}
}

func TestDriftThatIsNotTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*owned.Object){
		"it asks to be left alone": func(o *owned.Object) { o.Item.Paused = true },
		"it is applied once only":  func(o *owned.Object) { o.Want.Mode = fleet.ModeIfNotPresent },
		"it was told":              func(o *owned.Object) { o.Item.Told = edited(6).Live.Fields },
	} {
		s := begin(t)
		s.Settings.KeepDrift = true
		o := s.has(change)
		if s.Heal(t.Context(), o, edited(6)); s.TurnDue || s.Dirty {
			t.Errorf("%s: it is told", name)
		}
		s.crew.Close()
		s.hears()
	}
}

// What came while the cluster was asked is another question.
func TestADriftThatIsNoMoreIsNotTold(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*owned.Object){
		"it is another app's":      func(o *owned.Object) { o.Gone = true },
		"it was applied meanwhile": func(o *owned.Object) { o.Item.Line = agent.SumOf([]byte("newer")) },
	} {
		s := begin(t)
		o := s.has()
		w := o.Want
		change(o)
		if s.compared(o, w, edited(6), s.culprit, nil); len(s.told) > 0 || !o.Drifted {
			t.Errorf("%s: told is %q", name, s.told)
		}
	}
}
