package rollout

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Step decides what is released now, by what was remembered and what is known. The same input gives the same output;
// with the memory of the output it gives no other releases.
func Step(before Memory, in Input) Output {
	r, _ := begin(before.clone(), in, nil)
	out, _ := stepAll(r)
	return out
}

// stepAll is a step that looks at all clusters, and counts them.
func stepAll(r *run) (Output, *others) {
	judge{r}.adopt()
	for _, t := range r.Candidates {
		if known, is := r.m.Targets[t.ID]; is {
			r.m.Targets[t.ID] = known.with(t.Content)
		} else if t.Seq > r.m.Seq {
			r.m.Seq, r.m.Targets[t.ID] = t.Seq, Known{Target: t}
		}
	}
	decide(r)
	out := Output{Releases: result{r}.releases()}
	why, counts := waves{r}.why()
	result{r}.forget()
	out.Memory, out.Events, out.Why, out.Wake = r.m, r.events, why, earliest(r)
	out.Changed = slices.Sorted(maps.Keys(r.before))
	return out, counts
}

// decide decides until nothing becomes different: what is decided may settle something, where a cluster has it already.
func decide(r *run) {
	r.news = true
	for first := true; r.news && !r.stuck; first = false {
		again(r)
		judge{r}.all()
		r.stuck = r.stuck || r.news && !first && r.others != nil // that may free places for those that are not looked at
		recall{r}.decide()
		recall{r}.takeBack()
		for i := range r.Policy.Waves {
			waves{r}.catchUp(i)
			waves{r}.take(i)
			waves{r}.advance(i)
		}
	}
}

// earliest is when something changes by the clock alone.
func earliest(r *run) time.Time {
	first := r.wake
	for _, at := range r.wakes {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// result is what a step gives in the end.
type result struct{ *run }

// releases are what clusters are to be given, and were not.
func (r result) releases() (out []Release) {
	for _, name := range r.names {
		c, rel := r.m.Clusters[name], r.Released[name]
		if !r.pinned(name) && c.gives(rel.Content) {
			continue
		}
		want, rule := c.given(), cmp.Or(c.Rule, ByUnpin)
		if r.pinned(name) {
			pin := r.Decisions.Pins[name]
			if want, rule = pin.Content, ByPin; want == nil {
				continue
			}
		}
		if same(want, rel.Content) {
			continue
		}
		out = append(out, Release{Cluster: name, Target: c.Target, Content: want, Rule: rule,
			Back: r.goesBack(name, rel.Content)})
	}
	return out
}

// goesBack are the apps that go back from what the cluster was given, sorted.
func (r result) goesBack(name string, has Content) (out []string) {
	var pin *Pin
	if p, is := r.Decisions.Pins[name]; is && r.pinned(name) {
		pin = &p
	}
	for _, app := range slices.Sorted(maps.Keys(has)) {
		if _, from, _ := r.m.Clusters[name].Wanted(app, pin); slices.Contains(from, has[app].Digest) {
			out = append(out, app)
		}
	}
	return out
}

// forget drops waves that the policy has no more, and targets that nothing refers to.
func (r result) forget() {
	needed := map[string]bool{}
	names := map[string]bool{}
	for _, w := range r.Policy.Waves {
		names[w.Name] = true
	}
	maps.DeleteFunc(r.m.Waves, func(name string, w WaveMemory) bool { return !names[name] })
	for _, w := range r.m.Waves {
		needed[w.Busy], needed[w.Passed] = true, true
	}
	for _, c := range r.m.Clusters {
		needed[c.Target] = true
	}
	newest, _ := r.newest()
	needed[newest.ID] = true
	for _, id := range slices.Sorted(maps.Keys(r.m.Targets)) {
		t := r.m.Targets[id]
		if needed[id] || t.Seq > newest.Seq {
			continue
		}
		if !t.Taken {
			r.note(EventSuperseded, "", id, "")
		}
		delete(r.m.Targets, id)
	}
}
