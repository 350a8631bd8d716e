package rollout

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/fleet/rollout/words"
)

// why says of each wave what it does or waits for, and counts its clusters.
func (r waves) why() (out []WaveState, counts *others) {
	subjects := make([]subject, len(r.Policy.Waves))
	for i, p := range r.Policy.Waves {
		w := r.m.Waves[p.Name]
		s := WaveState{Wave: p.Name, Since: w.Since}
		t, reason, text := r.doing(i, w)
		s.Target, s.Reason, s.Text = t.ID, reason, text
		if halt, is := r.halted(p.Name); is {
			if s.Reason = Halted; halt.All {
				s.Reason = Frozen
			}
			s.Text = fmt.Sprintf("halted by %s: %s; %s", cmp.Or(halt.By, "a user"), halt.Reason, s.Text)
		}
		if size(r.run, i) == 0 {
			s.Reason, s.Text = NoClusters, "no clusters"
		}
		out = append(out, s)
		subjects[i] = subject{shown: t, limit: size(r.run, i)}
		if w.Busy != "" {
			subjects[i].limit = upTo(r.run, i, w.Slice)
		}
		if next, _, found := r.next(i); found {
			subjects[i].next = next
		}
	}
	if counts = r.others; counts == nil {
		counts = countAll(r.run, subjects)
	} else {
		r.stuck = r.stuck || !slices.EqualFunc(subjects, counts.subjects, subject.same)
		counts.fresh = counts.count(r.run)
	}
	for i, p := range r.Policy.Waves {
		s, n := &out[i], counts.Sums[i].Counts
		s.Clusters, s.Settled, s.Failed, s.Budget = n.All, n.Settled, n.Failed, p.Failures.Floor(n.All)
		s.Offline = counts.Sums[i].Away
	}
	return out, counts
}

// doing is the target that a wave is at, or would take next, and what it waits for.
func (r waves) doing(wave int, w WaveMemory) (Known, Reason, string) {
	p := r.Policy.Waves[wave]
	if t, busy := r.m.Targets[w.Busy]; busy {
		reason, text := r.slicePasses(wave, t, &w)
		if reason == Passed { // the slice has, and the wave not yet
			reason = Settling
		}
		if steps := len(p.steps()); steps > 1 {
			text = fmt.Sprintf("slice %d of %d, %s", w.Slice+1, steps, text)
		}
		if r.counted(wave, t, w.Slice).Unreleased > 0 && !r.open() {
			reason, text = AwaitingWindow, text+"; "+r.closed()
		}
		return t, reason, text
	}
	if t, _, found := r.next(wave); found {
		if n := r.approvals(p, t); n < p.Needed() {
			return t, AwaitingApproval, words.Approvals(p.Approval.Groups, p.Needed()-n, p.Needed())
		}
		if text := r.closed(); text != "" {
			return t, AwaitingWindow, text
		}
		return t, Beginning, ""
	}
	t := r.m.Targets[w.Passed]
	if newest, found := r.newest(); wave == 0 && found && newest.Failed != nil {
		return newest, HeldBack, "held back from Git: " + newest.Failed.Why
	}
	if t.ID == "" {
		return t, AwaitingWave, "waits for the wave before it"
	}
	return t, Passed, "passed"
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
