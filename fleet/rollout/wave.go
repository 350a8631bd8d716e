package rollout

import (
	"fmt"
	"slices"
	"time"
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
		if _, named := t.Content[name]; !known || !named || !r.behind(t, name) || r.pinned(name) {
			continue
		}
		if len(r.differs(t, name)) == 0 {
			if c.Phase != InFlight && c.Phase != Waits { // else it is what it was released to that it settles
				c.Target, c.Seq, c.Changed, c.Back = t.ID, t.Seq, nil, false
				r.put(name, c)
			}
			continue
		}
		if halted || !open && !c.bare() || !places.take(name) {
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
	switch {
	case !slices.ContainsFunc(r.participants(t, r.in[wave]), func(n string) bool { return !r.first(t, n) }):
		r.pass(wave, t, "it changes no cluster of the wave")
		return
	case slices.Contains(r.Decisions.Skips, Skip{p.Name, t.ID}):
		r.pass(wave, t, skipped)
		return
	}
	if _, halted := r.halted(p.Name); halted || !expedited && (!r.open() || r.approvals(p, t) < p.needed()) {
		return
	}
	r.set(p.Name, WaveMemory{Busy: t.ID, Since: r.Now, Passed: w.Passed, Seq: w.Seq})
	r.taken(t)
	r.note(EventTaken, p.Name, t.ID, "")
}

// first says whether a cluster was new and got a target because that had passed elsewhere: its wave has nothing to do.
func (r waves) first(t Known, name string) bool {
	c := r.m.Clusters[name]
	return c.Target == t.ID && c.Rule == ByFirst && !r.needs(t, name)
}

// skipped is why a wave has passed a target that it had not tried to the end.
const skipped = "a person skipped what it waits for"

// needed is how many people have to approve.
func (w Wave) needed() int {
	if w.Approval == nil {
		return 0
	}
	return max(1, w.Approval.Count)
}

// approvals counts the people who let a wave begin with a target.
func (r waves) approvals(p Wave, t Known) int {
	by := map[string]bool{}
	for _, a := range r.Decisions.Approvals {
		if p.Approval == nil || a.Wave != p.Name || a.Target != t.ID || p.Approval.NotAuthor && a.By == t.Author {
			continue
		}
		in := func(group string) bool { return slices.Contains(a.Groups, group) }
		if len(p.Approval.Groups) == 0 || slices.ContainsFunc(p.Approval.Groups, in) {
			by[a.By] = true
		}
	}
	return len(by)
}

// pass notes that a wave has passed a target.
func (r waves) pass(wave int, t Known, why string) {
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
		if r.slicePasses(wave, t, &w) != "" {
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
		if r.needs(t, name) && places.take(name) {
			r.assign(t, name, rule)
		}
	}
}

// slicePasses says what a slice of a wave waits for; "" if it has passed.
func (r waves) slicePasses(wave int, t Known, w *WaveMemory) string {
	p := r.Policy.Waves[wave]
	members := r.participants(t, r.slice(wave, w.Slice))
	if len(members) == 0 {
		return ""
	}
	n := r.count(t, members)
	if w.Soak.IsZero() {
		if wait := r.unsettled(n); wait != "" {
			return wait
		}
		w.Soak = n.last
		if w.Soak.IsZero() {
			w.Soak = r.Now
		}
	}
	end := w.Soak.Add(p.Soak)
	soaked := r.come(end)
	for _, gate := range p.Gates {
		if g := r.gate(gate, p.Name, t.ID, w.Slice); !g.Passed {
			return gateWaits(gate, g)
		}
	}
	if !soaked {
		return fmt.Sprintf("soaks until %s", end.UTC().Format(time.RFC3339))
	}
	return ""
}

func gateWaits(name string, g GateResult) string {
	if g.Text == "" {
		return fmt.Sprintf("waits for the gate %s", name)
	}
	return fmt.Sprintf("waits for the gate %s: %s", name, g.Text)
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

// tally counts the clusters of a slice.
type tally struct {
	all, unreleased, flying, waiting, settled, failed, ill, away int
	last                                                         time.Time // when the last of them settled or failed
}

// count counts clusters that take part in a target.
func (r waves) count(t Known, members []string) (n tally) {
	for _, name := range members {
		c := r.m.Clusters[name]
		n.all++
		switch {
		case r.needs(t, name):
			n.unreleased++
			continue
		case c.Phase == Failed:
			n.failed++
		case c.Phase == Settled:
			n.settled++
		case c.Phase == Ill:
			n.ill++
		case r.away(name):
			n.away++
			continue
		case c.Phase == Waits:
			n.waiting++
			continue
		default:
			n.flying++
			continue
		}
		if c.At.After(n.last) {
			n.last = c.At
		}
	}
	return n
}

// blind says whether nothing shows whether a target works, nor will.
func (n tally) blind() bool { return n.all > 0 && n.ill+n.failed == n.all }

// hopeless says whether a busy wave can neither pass nor fail: then a newer target need not wait for it.
func (r waves) hopeless(wave int, t Known) bool {
	w := r.m.Waves[r.Policy.Waves[wave].Name]
	return w.Soak.IsZero() && r.count(t, r.participants(t, r.slice(wave, w.Slice))).blind()
}

// unsettled says what a slice waits for before it soaks; "" for nothing.
func (r waves) unsettled(n tally) string {
	counted := n.all - n.ill - n.failed
	needed := r.Policy.quorum().Ceil(counted)
	switch {
	case n.unreleased+n.flying > 0:
		return fmt.Sprintf("%d of %d settled", n.settled, n.all)
	case n.waiting > 0:
		return fmt.Sprintf("waits for %s in which an app is paused", clusters(n.waiting))
	case n.blind():
		return fmt.Sprintf("waits: none of its %s shows whether it works (%d had something bad before, %d failed)",
			clusters(n.all), n.ill, n.failed)
	case n.settled < max(1, needed):
		return fmt.Sprintf("waits for clusters to come online: %d of %d settled, and %d have to", n.settled, counted,
			max(1, needed))
	}
	return ""
}

// clusters counts clusters in words.
func clusters(n int) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}
