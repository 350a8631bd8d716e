package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// recall finds out what is bad, and takes it back.
type recall struct{ *run }

// decide takes in what people say of targets that failed, and has those fail that did too much harm.
func (r recall) decide() {
	for _, d := range r.Decisions.Resumes {
		if t := r.m.Targets[d.Target]; t.Failed != nil && !d.Time.Before(t.Failed.Since) {
			t.Failed = nil
			r.m.Targets[d.Target] = t
			r.m.Bad = slices.DeleteFunc(r.m.Bad, func(b BadContent) bool { return b.Target == d.Target })
			r.note(EventResumed, "", d.Target, "a person takes it for good again")
		}
	}
	for _, d := range r.Decisions.Rollbacks {
		if t, known := r.m.Targets[d.Target]; known && d.Time.After(r.resumed(d.Target)) {
			r.rollback(t, d)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.m.Targets)) {
		t := r.m.Targets[id]
		if t.Failed != nil {
			continue
		}
		back := r.Policy.OnFailure == Rollback
		if apps, why := r.overBudget(t); why != "" {
			r.fail(t, apps, back, why)
		} else if why := r.gateFailed(id); why != "" {
			r.fail(t, r.changes(t.Target), back, why)
		}
	}
}

// rollback has a target taken back because a person says so.
func (r recall) rollback(t Known, d RollbackOrder) {
	apps := d.Apps
	if len(apps) == 0 {
		apps = r.changes(t.Target)
	}
	if t.Failed == nil {
		r.fail(t, apps, true, fmt.Sprintf("%s took it back: %s", d.By, d.Reason))
		return
	}
	for i, b := range r.m.Bad { // until now it was only not released any more
		r.m.Bad[i].Back = b.Back || b.Target == t.ID && slices.Contains(apps, b.App)
	}
}

// overBudget says why a target has failed by the clusters that failed with it, and because of which apps.
func (r recall) overBudget(t Known) (apps []string, why string) {
	total, most := 0, 0
	for i := range r.Policy.Waves {
		failed, which := r.failures(t.ID, i)
		total, apps = total+failed, append(apps, which...)
	}
	if total == 0 {
		return nil, ""
	}
	for i, w := range r.Policy.Waves {
		failed, _ := r.failures(t.ID, i)
		members := r.in[i]
		if m := r.m.Waves[w.Name]; m.Busy == t.ID {
			members = r.slice(i, m.Slice)
		}
		size := len(r.participants(t, members))
		budget := w.Failures.Floor(size)
		most = max(most, w.Failures.Floor(len(r.participants(t, r.in[i]))))
		if failed > budget && why == "" {
			why = fmt.Sprintf("%d of %d clusters of the wave %s failed, and %d may: %s", failed, size, w.Name, budget,
				r.causes(t.ID, i))
		}
	}
	if why == "" && total > most {
		why = fmt.Sprintf("%d clusters failed in all waves together, and %d may", total, most)
	}
	slices.Sort(apps)
	return slices.Compact(apps), why
}

// failures counts the clusters of a wave that failed with a target, and names the apps because of which they did.
func (r recall) failures(target string, wave int) (n int, apps []string) {
	for _, name := range r.in[wave] {
		if r.failedWith(name, target) {
			n++
			apps = append(apps, r.m.Clusters[name].Failed...)
		}
	}
	return n, apps
}

// failedWith says whether a cluster failed with a target. What was taken back does not count, nor what a person has
// seen since.
func (r recall) failedWith(name, target string) bool {
	c := r.m.Clusters[name]
	return c.Target == target && c.Phase == Failed && len(c.Changed) > 0 && !c.Back && !r.pinned(name) &&
		c.At.After(r.resumed(target))
}

// causes groups the failures of a wave by their cause and apps.
func (r recall) causes(target string, wave int) string {
	count := map[string]int{}
	for _, name := range r.in[wave] {
		if c := r.m.Clusters[name]; r.failedWith(name, target) {
			count[strings.TrimSuffix(strings.Join(c.Failed, ", ")+" "+string(c.Cause), " ")]++
		}
	}
	lines := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b))
	})
	for i, line := range lines {
		lines[i] = fmt.Sprintf("%s in %d", line, count[line])
	}
	return strings.Join(lines, "; ")
}

// gateFailed says why a target has failed by a gate.
func (r recall) gateFailed(target string) string {
	for _, g := range r.Gates {
		if g.Failed && g.Target == target && g.At.After(r.resumed(target)) {
			return strings.TrimSuffix(fmt.Sprintf("the gate %s failed in the wave %s: %s", g.Gate, g.Wave, g.Text), ": ")
		}
	}
	return ""
}

// fail notes that a target is bad, and with it what it has of apps wherever that differs from what was there before.
func (r recall) fail(t Known, apps []string, back bool, why string) {
	t.Failed = &Failure{Since: r.Now, Why: why, Apps: apps}
	r.m.Targets[t.ID] = t
	found := map[BadContent]bool{}
	for name, content := range t.Content {
		c, known := r.m.Clusters[name]
		for _, app := range apps {
			digest := content[app].Digest
			if known && c.before(app, t.Seq).Digest != digest {
				found[BadContent{App: app, Digest: digest, Seq: t.Seq, Target: t.ID, Back: back}] = true
			}
		}
	}
	r.m.Bad = slices.AppendSeq(r.m.Bad, slices.Values(slices.SortedFunc(maps.Keys(found), func(a, b BadContent) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.Digest, b.Digest))
	})))
	r.m.Bad = r.m.Bad[max(0, len(r.m.Bad)-maxBad):]
	for _, w := range r.Policy.Waves {
		if m := r.m.Waves[w.Name]; m.Busy == t.ID {
			r.set(w.Name, WaveMemory{Since: r.Now, Passed: m.Passed, Seq: m.Seq})
		}
	}
	r.note(EventFailed, "", t.ID, why)
}

// before is what a cluster was to have of an app before a target.
func (c Cluster) before(app string, seq uint64) Entry {
	for _, e := range c.Apps[app] {
		if e.Seq < seq {
			return e
		}
	}
	return Entry{}
}

// changes are the apps that a target changes in any cluster, sorted.
func (r recall) changes(t Target) []string {
	found := map[string]bool{}
	for name, content := range t.Content {
		c := r.m.Clusters[name]
		for _, apps := range []map[string]bool{keys(content), keys(c.Apps)} {
			for app := range apps {
				if content[app].Digest != c.before(app, t.Seq).Digest {
					found[app] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func keys[V any](m map[string]V) map[string]bool {
	out := make(map[string]bool, len(m))
	for k := range m {
		out[k] = true
	}
	return out
}

// takeBack gives clusters what they had before, where they have what is bad. The windows, halts and the order of the
// waves do not hold it up.
func (r recall) takeBack() {
	newest, _ := r.newest()
	returning := map[int]*places{}
	for _, name := range r.names {
		if len(r.m.Bad) == 0 || r.pinned(name) {
			continue
		}
		apps, rule := r.returns(name, newest)
		if len(apps) == 0 || !r.mayReturn(name, returning) {
			continue
		}
		c := r.m.Clusters[name]
		c.Apps = maps.Clone(c.Apps)
		for _, app := range apps {
			c.Apps[app] = r.good(app, c.Apps[app])
		}
		c.Changed, c.Since, c.Rule, c.Back = apps, r.Now, rule, true
		c.Heard, c.Phase, c.Cause, c.Failed, c.At = r.Members[name].Online, InFlight, "", nil, r.Now
		r.put(name, c)
	}
}

// returns are the apps of a cluster that go back, sorted, and why.
func (r recall) returns(name string, newest Known) (apps []string, rule Rule) {
	c := r.m.Clusters[name]
	rule = ByRevert
	for _, app := range slices.Sorted(maps.Keys(c.Apps)) {
		entries := c.Apps[app]
		b, is := r.bad(app, entries[0].Digest, entries[0].Seq)
		rest := r.good(app, entries)
		if !is || entries[0].Stays || len(rest) == 0 {
			continue
		}
		content, named := newest.Content[name]
		if reverted := named && content[app].Digest == rest[0].Digest && newest.Failed == nil; !b.Back && !reverted {
			continue
		}
		if apps = append(apps, app); b.Back {
			rule = ByRollback
		}
	}
	return apps, rule
}

// good are the entries of an app from the newest on that is not bad; none if all are.
func (r recall) good(app string, entries []Entry) []Entry {
	for i, e := range entries {
		if _, is := r.bad(app, e.Digest, e.Seq); !is {
			return entries[i:]
		}
	}
	return nil
}

// mayReturn says whether a cluster may go back now, and takes a place for it: more may be in flight than on the way
// there. returning has the places of each wave.
func (r recall) mayReturn(name string, returning map[int]*places) bool {
	w := r.wave[name]
	if w < 0 || r.away(name) {
		return true
	}
	if returning[w] == nil {
		returning[w] = &places{r: r.run, most: backFactor * r.atOnce(w)}
		for _, other := range r.in[w] {
			if r.m.Clusters[other].Back && r.flying(other) {
				returning[w].taken++
			}
		}
	}
	if returning[w].taken >= returning[w].most {
		return false
	}
	returning[w].taken++
	return true
}
