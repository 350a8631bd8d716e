package rollout

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout/tally"
)

// twin is a machine that is given what steps were given that look at all clusters, and says where it decides something
// else.
type twin struct {
	machine    *Machine
	last       Input
	some, full int // steps that looked at some clusters, and at all
}

// step steps as the function Step did, which gave want.
func (w *twin) step(in Input, want Output) string {
	if w.machine == nil {
		w.machine = NewMachine(Memory{})
	}
	changed, else_ := differing(w.last, in)
	w.last = in
	w.last.Members, w.last.Released = maps.Clone(in.Members), maps.Clone(in.Released)
	w.last.Reports, w.last.Gone = maps.Clone(in.Reports), maps.Clone(in.Gone)
	w.last.Policy.Waves, w.last.Decisions.Pins = slices.Clone(in.Policy.Waves), maps.Clone(in.Decisions.Pins)
	var got Output
	done := false
	if !else_ {
		before := w.machine.memory.clone()
		if got, done = w.machine.StepSome(in, changed); !done && !reflect.DeepEqual(w.machine.memory.clone(), before) {
			return "a step that gives up has changed something"
		}
	}
	if done {
		w.some++
	} else {
		w.full++
		got = w.machine.Step(in)
	}
	if len(got.Changed) == 0 {
		got.Changed = want.Changed
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("a step that looks at %v (done: %v) gives\n%+v\nand one that looks at all\n%+v", changed, done,
			got, want)
	}
	return ""
}

// differing are the clusters of which something else is known, and whether anything else is different but the time.
func differing(a, b Input) (changed []string, more bool) {
	names := map[string]bool{}
	note := func(name string, same bool) {
		if !same {
			names[name] = true
		}
	}
	for name, m := range b.Members {
		was, is := a.Members[name]
		more = more || !is || !maps.Equal(was.Labels, m.Labels)
		note(name, reflect.DeepEqual(was, m) && reflect.DeepEqual(a.Released[name], b.Released[name]) &&
			reflect.DeepEqual(a.Reports[name], b.Reports[name]))
	}
	for name := range a.Members {
		_, is := b.Members[name]
		more = more || !is
	}
	for name := range a.Released {
		_, is := b.Released[name]
		more = more || !is
	}
	more = more || len(b.Candidates) > 0 || !reflect.DeepEqual(a.Policy, b.Policy) || !maps.Equal(a.Gone, b.Gone) ||
		!reflect.DeepEqual(a.Decisions, b.Decisions) || !reflect.DeepEqual(a.Gates, b.Gates)
	return slices.Sorted(maps.Keys(names)), more
}

// A step that looks at some clusters decides what one decides that looks at all, in fleets that are large enough for
// clusters to wait for each other.
func TestAStepLooksAtWhatChangedAlone(t *testing.T) {
	t.Parallel()
	some, full := 0, 0
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 11)) //nolint:gosec // a test repeats itself
		rings := map[string]string{}
		for i := range 40 {
			rings[fmt.Sprintf("c%02d", i)] = fmt.Sprint(i % 4)
		}
		s := newSim(t, twoWaves(t, func(p *Policy) {
			p.Waves[0].AtOnce, p.Waves[0].Failures = Amount{Count: 2}, Amount{Count: 2}
			p.Waves[1].Failures, p.Waves[1].AtOnce = Amount{Share: 1000}, Amount{Count: 1 + int(seed%4)}
			p.Waves[1].Steps = []Amount{{Share: 2000}, All}
			p.OnFailure = []OnFailure{Halt, Rollback}[seed%2]
		}), rings).had("web=1 db=1")
		w := &twin{}
		for i := range 600 {
			name := fmt.Sprintf("c%02d", random.IntN(40))
			switch random.IntN(40) {
			case 0:
				s.in.Candidates = []Target{s.target(fmt.Sprint("T", i), fmt.Sprintf("web=%d db=%d", random.IntN(9), i/300))}
			case 1:
				s.in.Now = s.in.Now.Add(time.Duration(random.IntN(60)) * time.Minute)
			case 2:
				s.online(random.IntN(4) > 0, name)
			case 3:
				s.in.Decisions.Halts = nil
				if random.IntN(2) == 0 {
					s.in.Decisions.Halts = []HaltOrder{{Until: s.in.Now.Add(time.Hour)}}
				}
			case 5: // it was given something by other means, as by a hub whose store was lost
				s.generation++
				s.in.Released[name] = Released{s.generation, s.in.Now, content(fmt.Sprintf("web=%d db=%d", random.IntN(9), i/300))}
				s.healthy(name)
			case 4:
				s.app(name, "web", []State{Bad, Paused, Progressing}[random.IntN(3)])
			default:
				s.in.Now = s.in.Now.Add(time.Second)
				for range random.IntN(3) {
					s.healthy(fmt.Sprintf("c%02d", random.IntN(40)))
				}
			}
			in := s.in
			want := Step(s.m, in)
			if wrong := w.step(in, want); wrong != "" {
				t.Fatalf("seed %d, %d: %s", seed, i, wrong)
			}
			s.m, s.in.Candidates = want.Memory, nil
			for _, r := range want.Releases {
				if random.IntN(5) > 0 { // some get it later
					s.generation++
					s.in.Released[r.Cluster] = Released{s.generation, s.in.Now, r.Content}
				}
			}
		}
		some, full = some+w.some, full+w.full
	}
	if t.Logf("%d steps looked at some clusters, and %d at all", some, full); some < 3*full {
		t.Errorf("%d steps looked at some clusters, and %d at all", some, full)
	}
}

// A cluster that has what it is released to settles in that step, and the place that it had goes to the next one, which
// a step for some clusters did not look at.
func TestAPlaceThatIsFreeAtOnceGoesToTheNext(t *testing.T) {
	t.Parallel()
	rings := map[string]string{}
	for i := range 200 { // so many that a step looks at some of them
		rings[fmt.Sprintf("c%03d", i)] = "1"
	}
	s := newSim(t, twoWaves(t, func(p *Policy) { p.Waves[1].AtOnce = Amount{Count: 1} }), rings).had("web=1")
	w := &twin{}
	step := func() Output {
		t.Helper()
		want := Step(s.m, s.in)
		if wrong := w.step(s.in, want); wrong != "" {
			t.Fatal(wrong)
		}
		s.m, s.in.Candidates = want.Memory, nil
		return want
	}
	step()
	s.in.Candidates = []Target{s.target("T", "web=2")}
	first := step().Releases[0].Cluster
	give := func(name string) {
		s.generation++
		s.in.Released[name] = Released{s.generation, s.in.Now, content("web=2")}
	}
	give(first)
	step()
	next := w.machine.others.First(tally.ToRelease, 1, 3)
	give(next[0]) // by other means, as by a hub whose store was lost
	s.healthy(first, next[0])
	out := step()
	if len(out.Releases) != 1 || out.Releases[0].Cluster != next[1] {
		t.Errorf("after %s, %v are released", next, out.Releases)
	}
}
