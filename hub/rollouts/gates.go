package rollouts

import (
	"fmt"
	"maps"
	"regexp"
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

// Question is one measurement that is due.
type Question struct {
	Policy string
	Gate   rollout.Gate // with its query as it is to be asked
	place  place
}

// place is which slice of which wave a gate is asked for, and with which target.
type place struct {
	Gate, Wave, Target string
	Slice              int
}

// measuring is what a gate has said so far.
type measuring struct {
	place
	Began  time.Time
	Last   time.Time // of the last answer; zero before
	Row    int       // successes, one after the other
	Failed int       // failures in all
	Ended  Verdict   `json:",omitempty"` // Success or Failure when it is decided
	Text   string    `json:",omitempty"` // what it said last

	asking bool
}

// gates are those that are being asked.
type gates map[place]*measuring

// due is when a gate is to be asked next.
func (m measuring) due(g rollout.Gate) time.Time {
	if m.Last.IsZero() {
		return m.Began
	}
	return m.Last.Add(g.Interval)
}

// asked are the gates of the slices that have settled: those are asked while they soak.
func (r *rolling) asked() map[place]rollout.Gate {
	out := map[place]rollout.Gate{}
	for _, w := range r.policy.Waves {
		m := r.memory.Waves[w.Name]
		if m.Busy == "" || m.Soak.IsZero() {
			continue
		}
		for _, name := range w.Gates {
			if i := slices.IndexFunc(r.policy.Gates, func(g rollout.Gate) bool { return g.Name == name }); i >= 0 {
				out[place{name, w.Name, m.Busy, m.Slice}] = r.policy.Gates[i]
			}
		}
	}
	return out
}

// measure takes in which gates are to be asked now, and forgets those that are not any more.
func (r *rolling) measure(now time.Time) map[place]rollout.Gate {
	asked := r.asked()
	maps.DeleteFunc(r.gates, func(at place, _ *measuring) bool {
		_, is := asked[at]
		return !is
	})
	for at := range asked {
		if r.gates[at] == nil {
			r.gates[at] = &measuring{place: at, Began: now}
		}
	}
	return asked
}

// Questions gives the measurements that are due, each once: Answer is told the result.
func (d *Driver) Questions(now time.Time) (out []Question) {
	for _, r := range d.sorted() {
		for at, g := range r.measure(now) {
			m := r.gates[at]
			if m.Ended != "" || m.asking || now.Before(m.due(g)) {
				continue
			}
			m.asking = true
			g.Query = r.ask(g.Query, at)
			out = append(out, Question{Policy: r.policy.Name, Gate: g, place: at})
		}
	}
	return out
}

// ask is a query with what it is about in place of ${wave.clusters}, ${wave.name} and ${target}.
func (r *rolling) ask(query string, at place) string {
	if strings.Contains(query, "${wave.clusters}") {
		var names []string
		for name, m := range r.members {
			if w := r.policy.WaveOf(m.labels); w >= 0 && r.policy.Waves[w].Name == at.Wave &&
				r.memory.Clusters[name].Target == at.Target {
				names = append(names, regexp.QuoteMeta(name))
			}
		}
		slices.Sort(names)
		query = strings.ReplaceAll(query, "${wave.clusters}", strings.Join(names, "|"))
	}
	commit, _, _ := strings.Cut(at.Target, "+")
	return strings.NewReplacer("${wave.name}", at.Wave, "${target}", commit).Replace(query)
}

// Answer takes in what a measurement said. One that nothing waits for any more is forgotten.
func (d *Driver) Answer(now time.Time, q Question, v Verdict, text string) {
	r := d.rollouts[q.Policy]
	if r == nil || r.gates[q.place] == nil {
		return
	}
	m := r.gates[q.place]
	m.asking, m.Last, d.staged = false, now, true
	switch v {
	case Success:
		m.Row++
	case Failure:
		m.Row, m.Failed = 0, m.Failed+1
	default:
		m.Row = 0
	}
	m.Text = fmt.Sprintf("%d of %d in a row, %d of %d failures: %s", m.Row, q.Gate.Count, m.Failed, q.Gate.FailureLimit,
		text)
	switch {
	case m.Failed > q.Gate.FailureLimit:
		m.Ended = Failure
	case m.Row >= q.Gate.Count:
		m.Ended = Success
	}
}

// results are what the gates have said, for a step.
func (all gates) results() (out []rollout.GateResult) {
	for _, m := range all {
		out = append(out, rollout.GateResult{Gate: m.Gate, Wave: m.Wave, Target: m.Target, Slice: m.Slice,
			Passed: m.Ended == Success, Failed: m.Ended == Failure, At: m.Last, Text: m.Text})
	}
	slices.SortFunc(out, func(a, b rollout.GateResult) int {
		return strings.Compare(a.Wave+"/"+a.Gate, b.Wave+"/"+b.Gate)
	})
	return out
}

// list is what is to be stored of the gates, in order.
func (all gates) list() []measuring {
	out := make([]measuring, 0, len(all))
	for _, m := range all {
		out = append(out, *m)
	}
	slices.SortFunc(out, func(a, b measuring) int { return strings.Compare(a.Wave+"/"+a.Gate, b.Wave+"/"+b.Gate) })
	return out
}

// asks is when a gate is to be asked next; zero for never.
func (r *rolling) asks() (first time.Time) {
	for at, g := range r.asked() {
		m := r.gates[at]
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
