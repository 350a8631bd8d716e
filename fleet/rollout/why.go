package rollout

import (
	"fmt"
	"slices"
)

// why says of each wave what it does or waits for.
func (r waves) why() []WaveState {
	out := make([]WaveState, 0, len(r.Policy.Waves))
	for i, p := range r.Policy.Waves {
		w := r.m.Waves[p.Name]
		s := WaveState{Wave: p.Name, Since: w.Since}
		t, text := r.doing(i, w)
		s.Target, s.Text = t.ID, text
		if halt, is := r.halted(p.Name); is {
			s.Text = fmt.Sprintf("halted by %s: %s; %s", halt.By, halt.Reason, s.Text)
		}
		members := r.in[i]
		if w.Busy != "" {
			members = r.slice(i, w.Slice)
		}
		members = r.participants(t, members)
		n := r.count(t, members)
		s.Clusters, s.Settled, s.Failed, s.Budget = n.all, n.settled, n.failed, p.Failures.Floor(n.all)
		for _, name := range members {
			if r.away(name) {
				s.Offline++
			}
		}
		if len(r.in[i]) == 0 {
			s.Text = "no clusters"
		}
		out = append(out, s)
	}
	return out
}

// doing is the target that a wave is at, or would take next, and what it waits for.
func (r waves) doing(wave int, w WaveMemory) (Known, string) {
	p := r.Policy.Waves[wave]
	if t, busy := r.m.Targets[w.Busy]; busy {
		text := r.slicePasses(wave, t, &w)
		if steps := len(p.steps()); steps > 1 {
			text = fmt.Sprintf("slice %d of %d, %s", w.Slice+1, steps, text)
		}
		if r.count(t, r.participants(t, r.slice(wave, w.Slice))).unreleased > 0 && !r.open() {
			text += "; " + r.closed()
		}
		return t, text
	}
	if t, _, found := r.next(wave); found {
		if n := r.approvals(p, t); n < p.needed() {
			return t, r.asks(p.Approval, p.needed()-n)
		}
		return t, r.closed()
	}
	t := r.m.Targets[w.Passed]
	if newest, found := r.newest(); wave == 0 && found && newest.Failed != nil {
		return newest, "held back from Git: " + newest.Failed.Why
	}
	if t.ID == "" {
		return t, "waits for the wave before it"
	}
	return t, "passed"
}

// closed says until when the windows allow nothing; "" if they do.
func (r waves) closed() string {
	open, why := r.Policy.Windows.Open(r.Now)
	if open {
		return ""
	}
	text := "no window is open"
	if why != "" {
		text = "no window is open (" + why + ")"
	}
	if at := r.Policy.Windows.Opens(r.Now); !at.IsZero() {
		return text + ", next " + at.Format("2006-01-02 15:04 MST")
	}
	return text + ", and none will be"
}

// asks says who has yet to approve.
func (r waves) asks(a *Approval, missing int) string {
	text := "waits for approval"
	if missing > 1 {
		text = fmt.Sprintf("waits for %d approvals", missing)
	}
	for i, group := range slices.Sorted(slices.Values(a.Groups)) {
		if i == 0 {
			text += " by " + group
			continue
		}
		text += " or " + group
	}
	return text
}
