package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout/tally"
	"github.com/drover-dev/drover/fleet/rollout/words"
)

// waves releases by the waves of a policy.
type waves struct{ *run }

// catchUp gives clusters that are behind what their wave has passed. It never takes anything back.
func (r waves) catchUp(wave int) {
	p := r.Policy.Waves[wave]
	w := r.m.Waves[p.Name]
	_, halted := r.halted(p.Name)
	open, places := r.open(), r.places(wave)
	for _, name := range r.in[wave] {
		c := r.m.Clusters[name]
		id, rule := w.Passed, ByPass
		if c.bare() {
			id, rule = r.base(wave, name), ByFirst
		}
		t, known := r.m.Targets[id]
		if !known || !behind(t, &c) || r.pinned(name) {
			continue
		}
		if _, named := t.Content[name]; !named {
			continue
		}
		if len(moves(r.run, t, name, &c).changed) == 0 {
			// In flight it is what it was released to that it settles; and of what was taken back it has nothing, until a
			// person takes that for good again.
			if c.Phase != InFlight && c.Phase != Waits && t.Failed == nil {
				c.Target, c.Seq, c.Changed, c.Back = t.ID, t.Seq, nil, false
				r.put(name, c)
			}
			continue
		}
		if halted || (!open || r.Members[name].Closed) && !c.bare() {
			continue
		}
		if !places.take(name) {
			blocks(r.run, tally.ToCatchUp, wave, name)
			continue
		}
		c.Out = w.Busy
		r.put(name, c)
		r.assign(t, name, rule)
	}
}

// next is the target that a free wave may take, or that all are to take at once.
func (r waves) next(wave int) (t Known, expedited, found bool) {
	w := r.m.Waves[r.Policy.Waves[wave].Name]
	busy := r.m.Targets[w.Busy]
	for _, id := range r.Decisions.Expedites {
		if x, known := r.m.Targets[id]; known && x.Failed == nil && x.Seq > w.Seq && x.Seq > busy.Seq && x.Seq > t.Seq {
			t, expedited, found = x, true, true
		}
	}
	if found || w.Busy != "" && !r.hopeless(wave, busy) {
		return t, expedited, found
	}
	if wave == 0 {
		t, found = r.newest()
	} else {
		t, found = r.m.Targets[r.m.Waves[r.Policy.Waves[wave-1].Name].Passed]
	}
	return t, false, found && t.Failed == nil && !r.Gone[t.ID] && t.Seq > max(w.Seq, busy.Seq)
}

// take has a wave begin with a target. One that changes nothing in the wave has passed.
func (r waves) take(wave int) {
	t, expedited, found := r.next(wave)
	if !found {
		return
	}
	p := r.Policy.Waves[wave]
	w := r.m.Waves[p.Name]
	tries := func(name string) bool {
		c := r.m.Clusters[name]
		return takesPart(r.run, t, name, &c) && !r.first(t, name, &c)
	}
	switch {
	case !slices.ContainsFunc(r.in[wave], tries) && !r.others.tries(r.run, wave, t.ID):
		r.pass(wave, t, "it changes no cluster of the wave")
		return
	case slices.Contains(r.Decisions.Skips, Skip{p.Name, t.ID}):
		r.pass(wave, t, skipped)
		return
	}
	if _, halted := r.halted(p.Name); halted || !expedited && (!r.open() || r.approvals(p, t) < p.Needed()) {
		return
	}
	if r.stuck = r.stuck || r.others != nil; r.stuck {
		return
	}
	if p.Unwatched {
		r.release(wave, t, r.in[wave])
		r.pass(wave, t, "nothing is waited for in its clusters")
		return
	}
	r.set(p.Name, WaveMemory{Busy: t.ID, Since: r.Now, Passed: w.Passed, Seq: w.Seq})
	r.taken(t)
	r.note(EventTaken, p.Name, t.ID, "")
}

// first says whether a cluster was new and got a target because that had passed elsewhere: its wave has nothing to do.
func (r waves) first(t Known, name string, c *Cluster) bool {
	return c.Target == t.ID && c.Rule == ByFirst && !r.needs(t, name, c)
}

// skipped is why a wave has passed a target that it had not tried to the end.
const skipped = "a person skipped what it waits for"

// approvals counts the people who let a wave begin with a target.
func (r waves) approvals(p Wave, t Known) int {
	return p.Approved(r.Decisions.Approvals, t.Target)
}

// pass notes that a wave has passed a target.
func (r waves) pass(wave int, t Known, why string) {
	if r.stuck = r.stuck || r.others != nil; r.stuck {
		return
	}
	p := r.Policy.Waves[wave]
	r.set(p.Name, WaveMemory{Since: r.Now, Passed: t.ID, Seq: t.Seq})
	r.taken(t)
	r.note(EventPassed, p.Name, t.ID, why)
}

// taken notes that a target was taken by a wave.
func (r waves) taken(t Known) {
	t.Taken = true
	r.m.Targets[t.ID] = t
}

// advance releases what a busy wave may release.
func (r waves) advance(wave int) {
	p := r.Policy.Waves[wave]
	w := r.m.Waves[p.Name]
	t, known := r.m.Targets[w.Busy]
	if !known {
		return
	}
	if slices.Contains(r.Decisions.Skips, Skip{p.Name, t.ID}) {
		r.pass(wave, t, skipped)
		return
	}
	for w.Slice < len(p.steps()) {
		r.release(wave, t, r.slice(wave, w.Slice))
		if reason, _ := r.slicePasses(wave, t, &w); reason != Passed || r.others != nil {
			r.stuck = r.stuck || reason == Passed
			r.set(p.Name, w)
			return
		}
		w.Slice, w.Soak = w.Slice+1, time.Time{}
		r.set(p.Name, w)
	}
	r.pass(wave, t, "")
}

// release releases clusters of a slice to a target.
func (r waves) release(wave int, t Known, members []string) {
	p := r.Policy.Waves[wave]
	rule := ByWave
	expedited := slices.Contains(r.Decisions.Expedites, t.ID)
	if expedited {
		rule = ByExpedite
	}
	if _, halted := r.halted(p.Name); halted || !expedited && !r.open() {
		return
	}
	places := r.places(wave)
	for _, name := range members {
		c := r.m.Clusters[name]
		switch {
		case !r.needs(t, name, &c), r.Members[name].Closed && !expedited:
		case places.take(name):
			r.assign(t, name, rule)
		default:
			blocks(r.run, tally.ToRelease, wave, name)
		}
	}
}

// slicePasses says what a slice of a wave waits for; Passed if it has passed.
func (r waves) slicePasses(wave int, t Known, w *WaveMemory) (Reason, string) {
	p := r.Policy.Waves[wave]
	n := r.counted(wave, t, w.Slice)
	if n.All == 0 {
		return Passed, ""
	}
	if w.Soak.IsZero() {
		if reason, wait := r.unsettled(n); wait != "" {
			return reason, wait
		}
		r.stuck = r.stuck || r.others != nil // it is not known when the others settled
		w.Soak = n.Last
		if w.Soak.IsZero() {
			w.Soak = r.Now
		}
	}
	end := w.Soak.Add(p.Soak)
	soaked := r.come(end)
	for _, gate := range p.Gates {
		if g := r.gate(gate, p.Name, t.ID, w.Slice); !g.Passed {
			return AwaitingGate, strings.TrimSuffix("waits for the gate "+gate+": "+g.Text, ": ")
		}
	}
	if !soaked {
		return Soaking, fmt.Sprintf("soaks until %s", end.UTC().Format(time.RFC3339))
	}
	return Passed, ""
}

// gate is what a gate has said last of a slice.
func (r waves) gate(name, wave, target string, slice int) (out GateResult) {
	for _, g := range r.Gates {
		if g.Gate == name && g.Wave == wave && g.Target == target && g.Slice == slice && !g.At.Before(out.At) {
			out = g
		}
	}
	return out
}

// counted counts the clusters of a wave up to a slice that take part in a target.
func (r waves) counted(wave int, t Known, slice int) tally.Counts {
	if was := r.counts[wave]; was.version == r.version && was.target == t.ID && was.slice == slice {
		return was.Counts
	}
	n := r.others.counts(r.run, wave, t.ID, upTo(r.run, wave, slice))
	for _, name := range r.slice(wave, slice) {
		c := r.m.Clusters[name]
		p := r.part(t, name, &c)
		if n.Add(p, 1); p.Decided() && c.At.After(n.Last) {
			n.Last = c.At
		}
	}
	r.counts[wave] = counted{n, r.version, t.ID, slice}
	return n
}

// counted is what was counted of a wave, as long as nothing has become different.
type counted struct {
	tally.Counts
	version int
	target  string
	slice   int
}

// part is how a cluster is counted in a target, see takesPart.
func (r waves) part(t Known, name string, c *Cluster) tally.Part {
	phase := c.Phase
	switch {
	case r.needs(t, name, c):
		return tally.Unreleased
	case !takesPart(r.run, t, name, c):
		return tally.None
	case phase == Failed:
		return tally.Failed
	case phase == Settled:
		return tally.Settled
	case phase == Ill:
		return tally.Ill
	case r.away(name):
		return tally.Away
	case phase == Waits:
		return tally.Waiting
	}
	return tally.Flying
}

// hopeless says whether a busy wave can neither pass nor fail: then a newer target need not wait for it.
func (r waves) hopeless(wave int, t Known) bool {
	w := r.m.Waves[r.Policy.Waves[wave].Name]
	return w.Soak.IsZero() && r.counted(wave, t, w.Slice).Blind()
}

// unsettled says what a slice waits for before it soaks; "" for nothing.
func (r waves) unsettled(n tally.Counts) (Reason, string) {
	counted := n.All - n.Ill - n.Failed
	needed := r.Policy.quorum().Ceil(counted)
	switch {
	case n.Unreleased+n.Flying > 0:
		return Settling, fmt.Sprintf("%d of %d settled", n.Settled, n.All)
	case n.Waiting > 0:
		return AwaitingPaused, fmt.Sprintf("waits for %s in which an app is paused", words.Clusters(n.Waiting))
	case n.Blind():
		return Unproven, fmt.Sprintf("waits: none of its %s shows whether it works (%d had something bad before, %d failed)",
			words.Clusters(n.All), n.Ill, n.Failed)
	case n.Settled < max(1, needed):
		return AwaitingQuorum, fmt.Sprintf("waits for clusters to come online: %d of %d settled, and %d have to", n.Settled,
			counted, max(1, needed))
	}
	return "", ""
}
