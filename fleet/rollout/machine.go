package rollout

import (
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/rollout/tally"
)

// Machine steps over one policy again and again, and remembers how clusters are counted, so that a step after a report
// looks at that cluster alone. It decides what Step decides, and is not safe for concurrent use.
type Machine struct {
	memory    Memory
	others    *others // nil before the first step
	layout    *tally.Layout
	now, wake time.Time
}

// NewMachine makes a machine that goes on from what is remembered, which it owns from now on.
func NewMachine(m Memory) *Machine { return &Machine{memory: m} }

// Step is a step that looks at all clusters, see the function of this name. It changes the Memory that the last step
// gave.
func (m *Machine) Step(in Input) Output {
	memory := m.memory
	memory.Clusters = nil
	if memory = memory.clone(); m.memory.Clusters != nil {
		memory.Clusters = m.memory.Clusters // there is no way back
	}
	r, layout := begin(memory, in, m.layout)
	out, counts := stepAll(r)
	m.layout = layout
	counts.owe(out.Releases)
	m.memory, m.others, m.now, m.wake = out.Memory, counts, in.Now, out.Wake
	return out
}

// StepSome decides what Step would, where since the last step nothing is different but the time, and what in says of
// some clusters: as members (but for their labels), of what they were given, and of what their agents report. Its cost
// follows how many these are, and it changes the Memory that the last step gave. It gives up, and nothing has changed,
// where more than these clusters are concerned: when the time has come for which the last step asked, a wave begins or
// passes, a slice has settled, or a target fails. Then, and whenever anything else is news, Step has to be called.
func (m *Machine) StepSome(in Input, changed []string) (out Output, done bool) {
	if o := m.others; o == nil || in.Now.Before(m.now) || !m.wake.IsZero() && !in.Now.Before(m.wake) ||
		max(len(changed), len(o.owed)) > enough+len(o.Shares)/4 {
		return Output{}, false
	}
	r := m.begin(in, changed)
	judge{r}.adopt()
	decide(r)
	if !r.stuck {
		out.Releases = result{r}.releases()
		out.Why, _ = waves{r}.why()
	}
	if r.stuck || m.short(r) {
		maps.Copy(m.memory.Clusters, r.before)
		return Output{}, false
	}
	m.memory.Waves, m.now = r.m.Waves, in.Now
	m.others.Take(r.others.Book, r.others.fresh)
	m.others.owe(out.Releases)
	m.wake = m.others.Next(r.wake)
	out.Memory, out.Events, out.Wake, out.Changed = m.memory, r.events, m.wake, slices.Sorted(maps.Keys(r.before))
	return out, true
}

// Names are the clusters that the last step which looked at all of them knew, sorted. They are not to be changed.
func (m *Machine) Names() []string {
	if m == nil || m.layout == nil {
		return nil
	}
	return m.layout.Names
}

// enough is how many clusters a step may look at alone, whatever their number.
const enough = 64

// begin is a step that looks at some clusters: at those that changed, have yet to be given something, or may get the
// places that become free.
func (m *Machine) begin(in Input, changed []string) *run {
	memory, o := m.memory, *m.others
	memory.Waves = maps.Clone(memory.Waves)
	r := newRun(memory, in)
	r.wave, r.in = map[string]int{}, make([][]string, len(in.Policy.Waves))
	o.Book = o.Copy()
	r.others, r.worst = &o, o.worst
	o.look(r, changed)
	o.look(r, o.owed)
	for w := range o.Sums {
		places := r.atOnce(w) - o.Sums[w].InFlight
		o.look(r, m.others.First(tally.ToReturn, w, backFactor*r.atOnce(w)-o.Sums[w].Returning))
		o.look(r, m.others.First(tally.ToCatchUp, w, places))
		o.look(r, m.others.First(tally.ToRelease, w, places))
	}
	slices.Sort(r.names)
	for _, names := range r.in {
		slices.SortFunc(names, func(a, b string) int { return o.Shares[a].Rank - o.Shares[b].Rank })
	}
	return r
}

// look has a step look at clusters too, which are none of the others then.
func (o *others) look(r *run, names []string) {
	for _, name := range names {
		if _, is := r.wave[name]; is {
			continue
		}
		s, known := o.Shares[name]
		member, is := r.Members[name]
		if r.stuck = r.stuck || !known || !is || r.Policy.WaveOf(member.Labels) != s.Wave; r.stuck {
			return
		}
		r.names, r.wave[name] = append(r.names, name), s.Wave
		if s.Wave >= 0 {
			r.stuck = o.Sums[s.Wave].Jammed > 0 // who of them goes on depends on more than places
			r.in[s.Wave] = append(r.in[s.Wave], name)
		}
		o.Add(s, -1)
	}
}

// short says whether a cluster that the step did not look at would have got a place, or a target is nobody's any more.
func (m *Machine) short(r *run) bool {
	for w := range r.in {
		n := r.others.Sums[w]
		free := [tally.Queues]int{backFactor*r.atOnce(w) - n.Returning, r.atOnce(w) - n.InFlight, r.atOnce(w) - n.InFlight}
		for q := range tally.Queues {
			if free[q] > 0 && len(r.blocked[q][w]) == 0 && m.others.Waits(q, w, r.wave) {
				return true
			}
		}
	}
	for i, n := range r.others.Refs {
		if n == 0 && m.others.Refs[i] > 0 {
			return true
		}
	}
	return false
}

// owe notes which clusters have yet to be given something.
func (o *others) owe(releases []Release) {
	o.owed = o.owed[:0]
	for _, rel := range releases {
		o.owed = append(o.owed, rel.Cluster)
	}
}
