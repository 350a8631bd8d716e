package rollout

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout/tally"
)

// recall finds out what is bad, and takes it back.
type recall struct{ *run }

// decide takes in what people say of targets that failed, and has those fail that did too much harm.
func (r recall) decide() {
	if r.others != nil { // no decision of people is news
		for _, t := range r.m.Targets {
			if t.Failed == nil {
				_, why := r.overBudget(t)
				r.stuck = r.stuck || why != ""
			}
		}
		return
	}
	for _, d := range r.Decisions.Resumes {
		if t := r.m.Targets[d.Target]; t.Failed != nil && !d.Time.Before(t.Failed.Since) {
			t.Failed = nil
			r.m.Targets[d.Target] = t
			r.m.Bad = slices.DeleteFunc(r.m.Bad, func(b BadContent) bool { return b.Target == d.Target })
			judgeAgain(r.run)
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
		r.fail(t, apps, true, fmt.Sprintf("%s took it back: %s", cmp.Or(d.By, "a user"), d.Reason))
		return
	}
	for i, b := range r.m.Bad { // until now it was only not released any more
		r.m.Bad[i].Back = b.Back || b.Target == t.ID && slices.Contains(apps, b.App)
	}
	judgeAgain(r.run)
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
		size := r.others.parts(r.run, i, t.ID)
		for _, name := range r.in[i] {
			if c := r.m.Clusters[name]; takesPart(r.run, t, name, &c) {
				size++
			}
		}
		most = max(most, w.Failures.Floor(size))
		if m := r.m.Waves[w.Name]; m.Busy == t.ID {
			size = waves(r).counted(i, t, m.Slice).All
		}
		budget := w.Failures.Floor(size)
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
	n = r.others.of(wave).Failed[target]
	if !r.ailing {
		return n, nil
	}
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
	judgeAgain(r.run)
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
		note := func(app string) {
			if content[app].Digest != c.before(app, t.Seq).Digest {
				found[app] = true
			}
		}
		for app := range content {
			note(app)
		}
		for app := range c.Apps {
			note(app)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// takeBack gives clusters what they had before, where they have what is bad. The windows, halts and the order of the
// waves do not hold it up.
func (r recall) takeBack() {
	newest, _ := r.newest()
	returning := map[int]*places{}
	for _, name := range r.names {
		if len(r.m.Bad) == 0 {
			break
		}
		if r.pinned(name) {
			continue
		}
		apps, rule := r.returns(name, newest)
		apps = r.staying(name, apps)
		if len(apps) > 0 && !r.mayReturn(name, returning) {
			blocks(r.run, tally.ToReturn, r.wave[name], name)
			continue
		}
		if len(apps) == 0 {
			continue
		}
		c := r.m.Clusters[name]
		c.Apps = maps.Clone(c.Apps)
		for _, app := range apps {
			c.Apps[app] = restored(c.Apps[app], len(c.Apps[app])-len(r.good(app, c.Apps[app])))
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
		if !is || len(rest) == 0 {
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

// staying are those apps of a cluster that go back, of some that are to: none if one of them says that it does not, for
// what the others had before may not go with it; but those that a person named go. It is remembered, and told once.
func (r recall) staying(name string, apps []string) []string {
	c := r.m.Clusters[name]
	var stays []string
	for _, app := range apps {
		if c.Apps[app][0].Stays || slices.Contains(r.Members[name].Stays, app) {
			stays = append(stays, app)
		}
	}
	if !slices.Equal(stays, c.Stays) {
		c.Stays = stays
		r.put(name, c)
		if len(stays) > 0 {
			r.note(EventStays, "", c.Target, fmt.Sprintf("nothing is taken back in %s: %s may not be, by its annotation "+
				"drover.dev/rollback: never", name, strings.Join(stays, ", ")))
		}
	}
	if len(stays) == 0 {
		return apps
	}
	return slices.DeleteFunc(apps, func(app string) bool {
		e := c.Apps[app][0]
		b, _ := r.bad(app, e.Digest, e.Seq)
		return slices.Contains(stays, app) || !slices.ContainsFunc(r.Decisions.Rollbacks, func(d RollbackOrder) bool {
			return d.Target == b.Target && slices.Contains(d.Apps, app)
		})
	})
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
		returning[w] = &places{r: r.run, most: backFactor * r.atOnce(w), taken: r.others.of(w).Returning}
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
