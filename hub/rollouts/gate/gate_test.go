package gate

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

var start = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)

// answers are what a server says.
type answers struct {
	values []float64
	value  any
	err    error
}

func (a answers) Ask(context.Context, rollout.Gate, string) ([]float64, error) {
	return a.values, a.err
}

func (a answers) Fetch(context.Context, rollout.Web) (any, error) { return a.value, a.err }

// above is a condition "N", which holds where the first value is above N; anything else cannot be computed.
func above(expression string, result any) (bool, error) {
	least := map[string]float64{"1": 1, "5": 5}
	bound, known := least[expression]
	switch v := result.(type) {
	case []float64:
		return v[0] > bound, nil
	case float64:
		if known {
			return v > bound, nil
		}
	}
	return false, errors.New("this cannot be compared")
}

// A measurement is a success, a failure, or neither: what has no data, no answer and no number says nothing.
func TestMeasure(t *testing.T) {
	t.Parallel()
	web := &rollout.Web{URL: "https://x"}
	both := rollout.Gate{SuccessCondition: "1", FailureCondition: "5"}
	least, most := rollout.Gate{SuccessCondition: "1"}, rollout.Gate{FailureCondition: "1"}
	webLeast := rollout.Gate{Web: web, SuccessCondition: "1"}
	webMost := rollout.Gate{Web: web, FailureCondition: "1"}
	for name, c := range map[string]struct {
		gate rollout.Gate
		says answers
		want Verdict
		text string
	}{
		"success":                {least, answers{values: []float64{2}}, Success, "result [2]"},
		"no success":             {least, answers{values: []float64{1}}, Failure, "result [1]"},
		"failure":                {most, answers{values: []float64{2}}, Failure, "result [2]"},
		"no failure":             {most, answers{values: []float64{1}}, Success, "result [1]"},
		"both, and it fails":     {both, answers{values: []float64{6}}, Failure, "result [6]"},
		"both, and it succeeds":  {both, answers{values: []float64{2}}, Success, ""},
		"both, and neither":      {both, answers{values: []float64{0}}, Inconclusive, "neither condition"},
		"no data":                {least, answers{}, Inconclusive, "no data"},
		"NaN among others":       {most, answers{values: []float64{0, math.NaN()}}, Inconclusive, "NaN"},
		"no answer":              {most, answers{err: errors.New("refused")}, Inconclusive, "refused"},
		"many values":            {least, answers{values: []float64{2, 3, 4, 5, 6, 7}}, Success, "result [2, 3, 4, 5, 6]"},
		"of the web":             {webLeast, answers{value: 2.0}, Success, "result 2"},
		"null":                   {webMost, answers{}, Inconclusive, "null"},
		"a text":                 {webLeast, answers{value: "2"}, Inconclusive, "cannot be compared"},
		"a text, for a failure":  {webMost, answers{value: "2"}, Inconclusive, "cannot be compared"},
		"what is no JSON at all": {webMost, answers{value: func() {}}, Inconclusive, "unsupported"},
	} {
		got, text := Measure(t.Context(), c.says, above, c.gate)
		if got != c.want || !strings.Contains(text, c.text) {
			t.Errorf("%s: %s, %q; want %s, %q", name, got, text, c.want, c.text)
		}
	}
	long := answers{value: strings.Repeat("ä", 200)}
	g := rollout.Gate{Web: web, SuccessCondition: "1"}
	if _, text := Measure(t.Context(), long, func(string, any) (bool, error) { return true, nil }, g); len(text) > 150 ||
		!strings.HasSuffix(text, " …") {
		t.Errorf("of a long answer it shows %q", text)
	}
	if got, _ := Measure(t.Context(), nil, above, g); got != Inconclusive {
		t.Errorf("a hub that asks nobody says %s", got)
	}
}

// Successes count in a row, failures in all; what is neither begins the row again.
func TestWhatMeasurementsComeTo(t *testing.T) {
	t.Parallel()
	g := rollout.Gate{Name: "g", Interval: time.Minute, Count: 2, FailureLimit: 1}
	for says, want := range map[string]Verdict{"": "", "s": "", "ss": Success, "sis": "", "siss": Success, "sfss": Success,
		"sfsf": Failure, "ff": Failure, "fiisf": Failure, "iiii": ""} {
		m := Measuring{Began: start}
		now := start
		for _, c := range says {
			if !m.Begin(now, g) {
				t.Fatalf("%s: it is not due at %s", says, now.Sub(start))
			}
			if m.Begin(now, g) {
				t.Fatalf("%s: it is asked twice at once", says)
			}
			m.Take(now, g, map[rune]Verdict{'s': Success, 'f': Failure, 'i': Inconclusive}[c], "result 1")
			if m.Begin(now.Add(time.Minute-time.Second), g) {
				t.Fatalf("%s: it is asked again before its interval", says)
			}
			now = now.Add(time.Minute)
		}
		if m.Ended != want {
			t.Errorf("%q ends as %q, want %q (%s)", says, m.Ended, want, m.Text)
		}
		if want != "" && m.Begin(now.Add(time.Hour), g) {
			t.Errorf("%q: it is asked although it has ended", says)
		}
	}
}

// A gate is asked as long as its slice soaks, and what it said is forgotten then.
func TestGatesAreFollowed(t *testing.T) {
	t.Parallel()
	g := rollout.Gate{Name: "g", Interval: time.Minute, Count: 1}
	first, second := Place{Gate: "g", Wave: "b", Target: "A"}, Place{Gate: "g", Wave: "a", Target: "A", Slice: 1}
	all := Set{}
	asked := map[Place]rollout.Gate{first: g, second: g}
	if due := all.Due(asked); due.IsZero() || due.After(start) {
		t.Errorf("before any is followed it is due at %s", due)
	}
	all.Follow(start, asked)
	if due := all.Due(asked); !due.Equal(start) {
		t.Errorf("the first is due at %s", due)
	}
	for _, at := range []Place{first, second} {
		if !all[at].Begin(start, g) {
			t.Fatalf("%+v is not due", at)
		}
	}
	if due := all.Due(asked); !due.IsZero() {
		t.Errorf("while all are asked one is due at %s", due)
	}
	all[first].Take(start, g, Success, "")
	all[second].Take(start.Add(time.Second), g, Inconclusive, "")
	if due := all.Due(asked); !due.Equal(start.Add(time.Minute + time.Second)) {
		t.Errorf("the second is due at %s", due)
	}
	results := all.Results()
	if len(results) != 2 || results[0].Wave != "a" || results[0].Passed || results[0].Failed || results[0].Slice != 1 ||
		!results[1].Passed || !results[1].At.Equal(start) {
		t.Errorf("the results are %+v", results)
	}
	if list := all.List(); len(list) != 2 || list[0].Place != second || list[1].Row != 1 {
		t.Errorf("what is stored is %+v", list)
	}
	all.Follow(start, map[Place]rollout.Gate{second: g})
	if len(all) != 1 || all[second] == nil || all[second].Last.IsZero() {
		t.Errorf("it follows %+v", all)
	}
}
