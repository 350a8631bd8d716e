package rollout

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Output is what a step decided.
type Output struct {
	Memory   Memory    // to be stored before anything of Releases is
	Releases []Release // by cluster
	Why      []WaveState
	Events   []Event // what became different
	// Wake is when to step again although nothing else changes; zero for never.
	Wake time.Time
}

// Release is what a cluster is to be given and was not yet.
type Release struct {
	Cluster, Target string
	Content         Content // all apps that the policy holds
	Rule            Rule    // that allows it
	// Back are apps that go back to what they were before, sorted: their hooks of a rollback run, and no others.
	Back []string
}

// Event is something that a step decided, for the journal.
type Event struct {
	Time   time.Time
	Kind   EventKind
	Wave   string // "" for the whole policy
	Target string
	Text   string // why, for people; may be empty
}

// EventKind says what an Event is.
type EventKind string

// The kinds.
const (
	EventTaken      EventKind = "taken"      // a wave began with a target
	EventPassed     EventKind = "passed"     // a wave has passed it
	EventFailed     EventKind = "failed"     // it is bad
	EventResumed    EventKind = "resumed"    // it is not bad any more
	EventSuperseded EventKind = "superseded" // a newer one came before any wave took it
)

// Step decides what is released now, by what was remembered and what is known. The same input gives the same output;
// with the memory of the output it gives no other releases.
func Step(before Memory, in Input) Output {
	r := begin(before, in)
	r.adopt()
	for _, t := range in.Candidates {
		if t.Seq > r.m.Seq {
			r.m.Seq, r.m.Targets[t.ID] = t.Seq, Known{Target: t}
		}
	}
	for r.news = true; r.news; { // what is decided may settle something, where a cluster has it already
		r.news = false
		r.judge()
		r.decide()
		r.takeBack()
		for i := range in.Policy.Waves {
			r.catchUp(i)
			r.take(i)
			r.advance(i)
		}
	}
	out := Output{Releases: r.releases(), Why: r.why()}
	r.forget()
	out.Memory, out.Events, out.Wake = r.m, r.events, r.wake
	return out
}

// releases are what clusters are to be given, and were not.
func (r *run) releases() (out []Release) {
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
func (r *run) goesBack(c Cluster, rule Rule, has Content) (out []string) {
	for _, app := range slices.Sorted(maps.Keys(has)) {
		b, is := r.bad(app, has[app].Digest, c.Seq)
		if now := c.has(app); is && rule != ByPin && now.Digest != has[app].Digest && now.Seq < b.Seq {
			out = append(out, app)
		}
	}
	return out
}

// forget drops waves that the policy has no more, and targets that nothing refers to.
func (r *run) forget() {
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
