package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Verdict is what one measurement says.
type Verdict string

// The verdicts.
const (
	Success      Verdict = "success"
	Failure      Verdict = "failure"
	Inconclusive Verdict = "inconclusive" // no data, no answer, or neither condition holds
)

// Place is which slice of which wave a gate is asked for, and with which target.
type Place struct {
	Gate, Wave, Target string
	Slice              int
}

// Measuring is what a gate has said so far.
type Measuring struct {
	Place
	Began  time.Time
	Last   time.Time // of the last answer; zero before
	Row    int       // successes, one after the other
	Failed int       // failures in all
	Ended  Verdict   `json:",omitempty"` // Success or Failure when it is decided
	Text   string    `json:",omitempty"` // what it said last

	asking bool
}

// Set are the gates that are being asked.
type Set map[Place]*Measuring

// due is when a gate is to be asked next.
func (m Measuring) due(g rollout.Gate) time.Time {
	if m.Last.IsZero() {
		return m.Began
	}
	return m.Last.Add(g.Interval)
}

// Follow takes in which gates are to be asked now, and forgets those that are not any more.
func (all Set) Follow(now time.Time, asked map[Place]rollout.Gate) {
	maps.DeleteFunc(all, func(at Place, _ *Measuring) bool {
		_, is := asked[at]
		return !is
	})
	for at := range asked {
		if all[at] == nil {
			all[at] = &Measuring{Place: at, Began: now}
		}
	}
}

// Begin says whether a measurement is due, once: Take is told the result.
func (m *Measuring) Begin(now time.Time, g rollout.Gate) bool {
	if m.Ended != "" || m.asking || now.Before(m.due(g)) {
		return false
	}
	m.asking = true
	return true
}

// Take takes in what a measurement said.
func (m *Measuring) Take(now time.Time, g rollout.Gate, v Verdict, text string) {
	m.asking, m.Last = false, now
	switch v {
	case Success:
		m.Row++
	case Failure:
		m.Row, m.Failed = 0, m.Failed+1
	default:
		m.Row = 0
	}
	m.Text = fmt.Sprintf("%d of %d in a row, %d of %d failures: %s", m.Row, g.Count, m.Failed, g.FailureLimit, text)
	switch {
	case m.Failed > g.FailureLimit:
		m.Ended = Failure
	case m.Row >= g.Count:
		m.Ended = Success
	}
}

// Results are what the gates have said, for a step.
func (all Set) Results() (out []rollout.GateResult) {
	for _, m := range all {
		out = append(out, rollout.GateResult{Gate: m.Gate, Wave: m.Wave, Target: m.Target, Slice: m.Slice,
			Passed: m.Ended == Success, Failed: m.Ended == Failure, At: m.Last, Text: m.Text})
	}
	slices.SortFunc(out, func(a, b rollout.GateResult) int {
		return strings.Compare(a.Wave+"/"+a.Gate, b.Wave+"/"+b.Gate)
	})
	return out
}

// List is what is to be stored of the gates, in order.
func (all Set) List() []Measuring {
	out := make([]Measuring, 0, len(all))
	for _, m := range all {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b Measuring) int { return strings.Compare(a.Wave+"/"+a.Gate, b.Wave+"/"+b.Gate) })
	return out
}

// Due is when a gate of those that are asked is to be asked next; zero for never.
func (all Set) Due(asked map[Place]rollout.Gate) (first time.Time) {
	for at, g := range asked {
		m := all[at]
		switch {
		case m == nil:
			return time.Unix(1, 0) // at once
		case m.Ended != "" || m.asking:
		case first.IsZero() || m.due(g).Before(first):
			first = m.due(g)
		}
	}
	return first
}
