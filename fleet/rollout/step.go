package rollout

import (
	"cmp"
	"maps"
	"slices"
)

// Step decides what is released now, by what was remembered and what is known. The same input gives the same output;
// with the memory of the output it gives no other releases.
func Step(before Memory, in Input) Output {
	r := begin(before, in)
	judge{r}.adopt()
	for _, t := range in.Candidates {
		if t.Seq > r.m.Seq {
			r.m.Seq, r.m.Targets[t.ID] = t.Seq, Known{Target: t}
		}
	}
	for r.news = true; r.news; { // what is decided may settle something, where a cluster has it already
		r.news = false
		judge{r}.all()
		recall{r}.decide()
		recall{r}.takeBack()
		for i := range in.Policy.Waves {
			waves{r}.catchUp(i)
			waves{r}.take(i)
			waves{r}.advance(i)
		}
	}
	out := Output{Releases: result{r}.releases(), Why: waves{r}.why()}
	result{r}.forget()
	out.Memory, out.Events, out.Wake = r.m, r.events, r.wake
	return out
}

// result is what a step gives in the end.
type result struct{ *run }

// releases are what clusters are to be given, and were not.
func (r result) releases() (out []Release) {
	for _, name := range r.names {
		c, rel := r.m.Clusters[name], r.Released[name]
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
			Back: r.goesBack(c, rule, rel.Content)})
	}
	return out
}

// goesBack are the apps that get what they had before bad content, sorted. It follows from what was released, not from
// what was decided before: so it is the same after a crash.
func (r result) goesBack(c Cluster, rule Rule, has Content) (out []string) {
	for _, app := range slices.Sorted(maps.Keys(has)) {
		b, is := r.bad(app, has[app].Digest, c.Seq)
		if now := c.has(app); is && rule != ByPin && now.Digest != has[app].Digest && now.Seq < b.Seq {
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
