package drift

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

var (
	start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ref   = protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: "x"}
)

func edited(at time.Time) agent.Sighting { return agent.Sighting{Kind: agent.SightObject, At: at} }

func deleted(at time.Time) agent.Sighting { return agent.Sighting{Kind: agent.SightGone, At: at} }

func TestSightingsAreJudged(t *testing.T) {
	t.Parallel()
	line, ours, other := agent.SumOf([]byte("line")), agent.SumOf([]byte("ours")), agent.SumOf([]byte("other"))
	for name, c := range map[string]struct {
		known  Known
		fields agent.Sum
		want   Finding
	}{
		"as it was applied":               {Known{Wanted: true, Line: line, Fields: ours}, ours, Matches},
		"changed":                         {Known{Wanted: true, Line: line, Fields: ours}, other, Drifted},
		"without a field of Drover's":     {Known{Wanted: true, Line: line, Fields: ours}, agent.Sum{}, Drifted},
		"never applied":                   {Known{Wanted: true}, other, Unknown},
		"to be deleted":                   {Known{Line: line, Fields: ours}, other, Unknown},
		"what the own apply left":         {Known{Wanted: true, Line: line, Fields: ours, Own: true}, other, Own},
		"the same, and it is to be gone":  {Known{Line: line, Own: true}, other, Own},
		"the same, and it is to be again": {Known{Wanted: true, Own: true}, other, Own},
	} {
		if got := Judge(c.known, c.fields); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestWhatIsDoneAboutDrift(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state State
		want  Action
	}{
		"it is healed":                     {State{Ready: true, Known: true, Heals: true}, Repair},
		"it was deleted":                   {State{Ready: true, Known: true, Heals: true, Gone: true}, Repair},
		"a request is under way":           {State{Known: true, Heals: true}, Wait},
		"it is not known what was applied": {State{Ready: true, Heals: true}, Wait},
		"drift is kept":                    {State{Ready: true, Known: true}, Keep},
		"drift is kept, and it fails":      {State{Ready: true, Known: true, Fails: true, Gone: true}, Keep},
		"it could not be applied":          {State{Ready: true, Known: true, Heals: true, Fails: true}, Retry},
		"newer content is refused": {State{Ready: true, Known: true, Heals: true, Newer: true,
			Fails: true}, Repair},
		"newer content is refused, and it was taken": {State{Ready: true, Known: true, Heals: true, Newer: true,
			Gone: true}, Retry},
	} {
		if got := Decide(c.state); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestAnObjectThatIsChangedAgainAndAgainIsHealedMoreSlowly(t *testing.T) {
	t.Parallel()
	c := NewConflict(start)
	for i := range healLimit {
		if pause, began := c.Count(edited(start.Add(time.Duration(i) * time.Millisecond))); pause != 0 || began || c.Slow() {
			t.Fatalf("heal %d waits %s", i+1, pause)
		}
	}
	pause, began := c.Count(edited(start.Add(time.Second)))
	if pause == 0 || !began || !c.Slow() {
		t.Fatalf("heal %d waits %s, and that begins: %t", healLimit+1, pause, began)
	}
	if _, again := c.Count(edited(start.Add(2 * time.Second))); again {
		t.Error("it began again")
	}
	c.Blame("other-controller", []string{"data.a", "data.b"})
	if got := c.Says(ref); !strings.Contains(got, "fights with manager other-controller over data.a, data.b") ||
		!strings.Contains(got, "more than 300 times a minute") {
		t.Error(got)
	}
	c.Blame("", nil)
	if got := c.Says(ref); !strings.Contains(got, "leaves no trace") {
		t.Error(got)
	}
}

// A window with few heals ends the pauses, one with many does not.
func TestAQuietWindowEndsThePauses(t *testing.T) {
	t.Parallel()
	for heals, slow := range map[int]bool{healLimit/10 - 1: false, healLimit / 10: true} {
		c := NewConflict(start)
		for range healLimit + 1 {
			c.Count(edited(start))
		}
		next := start.Add(Window + time.Second)
		for range heals {
			c.Count(edited(next))
		}
		if !c.Slow() {
			t.Fatal("a busy window ended the pauses")
		}
		c.Count(edited(next.Add(Window + time.Second)))
		if c.Slow() != slow {
			t.Errorf("after %d heals in a window it is healed slowly: %t", heals, c.Slow())
		}
	}
}

func TestAnObjectThatIsDeletedAgainAndAgainIsRecreatedMoreSlowly(t *testing.T) {
	t.Parallel()
	c := NewConflict(start)
	at := start
	for i := range recreateLimit {
		at = at.Add(time.Minute)
		if pause, began := c.Count(deleted(at)); pause != 0 || began || c.Recreating() != "" {
			t.Fatalf("deletion %d: it waits %s", i+1, pause)
		}
	}
	gone := deleted(at.Add(time.Minute))
	gone.Live.Managed = []agent.Managed{{Manager: agent.Manager, Time: "3"}, {Manager: "old", Time: "1"},
		{Manager: "new", Time: "2"}, {Manager: "new", Time: "0"}}
	if pause, began := c.Count(gone); pause == 0 || !began || !c.Slow() {
		t.Fatalf("it waits %s, and that begins: %t", pause, began)
	}
	if got := c.Says(ref); got != ref.String()+" "+c.Recreating() || !strings.Contains(got, "4 times within 10m") ||
		!strings.Contains(got, "last written to by new, old;") {
		t.Error(got)
	}
	if pause, began := c.Count(deleted(at.Add(recreateWindow + 2*time.Minute))); pause != 0 || began || c.Slow() {
		t.Errorf("after a quiet time it waits %s", pause)
	}
}

func TestNothingButDroverMayHaveWrittenToWhatIsDeleted(t *testing.T) {
	t.Parallel()
	c := NewConflict(start)
	for range recreateLimit + 1 {
		c.Count(deleted(start))
	}
	if got := c.Recreating(); !strings.Contains(got, "nothing but Drover had written to it") {
		t.Error(got)
	}
}

// While a pause is made the newest sighting waits.
func TestTheNewestSightingIsHealedAfterThePause(t *testing.T) {
	t.Parallel()
	var none *Conflict
	if none.Defer(edited(start)) || none.Slow() || none.Says(ref) != "" || none.HandedOver() != nil {
		t.Error("there is a conflict over an object that was never healed")
	}
	c := NewConflict(start)
	if c.Defer(edited(start)) {
		t.Error("a sighting waits for a pause that is not made")
	}
	c.Begin(edited(start))
	if !c.Defer(edited(start.Add(time.Second))) || c.Over(start.Add(time.Hour)) {
		t.Error("the pause is over")
	}
	if sg := c.End(); sg == nil || !sg.At.Equal(start.Add(time.Second)) {
		t.Error("an older sighting is healed")
	}
	if c.Defer(edited(start)) {
		t.Error("the pause goes on")
	}
}

func TestAConflictIsOverWhenNothingHappensForAWhile(t *testing.T) {
	t.Parallel()
	c := NewConflict(start)
	if c.Over(start.Add(2*Window-time.Second)) || !c.Over(start.Add(2*Window)) {
		t.Error("edits")
	}
	for range recreateLimit + 1 {
		c.Count(deleted(start))
	}
	if c.Over(start.Add(recreateWindow)) || !c.Over(start.Add(recreateWindow+time.Second)) {
		t.Error("deletions")
	}
}

func TestAnAppThatTakesAnObjectOverKnowsWhatWasCounted(t *testing.T) {
	t.Parallel()
	c := NewConflict(start)
	for range recreateLimit + 1 {
		c.Count(deleted(start))
	}
	c.Begin(deleted(start))
	to := c.HandedOver()
	if to.Slow() || to.Defer(deleted(start)) {
		t.Error("it makes the pause of another app")
	}
	if pause, began := to.Count(deleted(start)); pause == 0 || !began || !slices.Equal(to.writers, c.writers) {
		t.Error("it counts from the beginning")
	}
}
