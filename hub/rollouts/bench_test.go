package rollouts

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// thousands are how many clusters the benchmarks have.
const thousands = 10_000

var (
	holding = flag.Int("clusters", thousands, "how many clusters TestWhatTheGateHolds has")
	own     = flag.Bool("own", false, "have no two clusters of the benchmarks ask for the same")
)

// appsFor are the apps of a cluster, read as appsOf does.
func appsFor(name, text string) []protocol.App {
	if *own {
		text = strings.ReplaceAll(text+" ", " ", "-"+name+" ")
	}
	return appsOf(text)
}

// many are n clusters of five apps each, all healthy, which three policies hold: of each cluster some apps.
func many(n int, atOnce rollout.Amount) *fleet {
	f := &fleet{now: start, asked: map[string][]protocol.App{}, given: map[string]protocol.Bundle{},
		at: map[string]time.Time{}, said: map[string]*protocol.Report{}, store: map[string][]byte{},
		labels: map[string]map[string]string{}}
	f.d = New(nil, nil, quiet())
	var all []Declared
	for name, apps := range map[string][]string{"first": {"a", "b"}, "second": {"c", "d"}, "third": {"e"}} {
		all = append(all, Declared{Policy: rollout.Policy{Name: name, Apps: apps, OnFailure: rollout.Rollback,
			Waves: []rollout.Wave{{Name: "all", AtOnce: atOnce, Soak: time.Hour,
				Failures: rollout.Amount{Share: 100}}}}, JSON: []byte(`"` + name + `"`)})
	}
	f.d.Follow(all, true)
	for i := range n {
		name := fmt.Sprint("c", i)
		f.labels[name] = map[string]string{"n": fmt.Sprint(i)}
		f.give(name, appsFor(name, "a=1 b=1 c=1 d=1 e=1"), 1)
		f.says(name, protocol.PhaseHealthy)
	}
	f.commits("a=1 b=1 c=1 d=1 e=1")
	for range 3 {
		f.d.Step(f.now, f)
	}
	f.d.Unsaved()
	f.d.Saved()
	return f
}

func (f *fleet) give(name string, apps []protocol.App, generation uint64) {
	f.given[name] = protocol.Bundle{Cluster: name, Generation: generation, Epoch: 1, Apps: apps}
	f.at[name] = f.now
}

// says has an agent report all that its cluster was given in a phase.
func (f *fleet) says(name string, phase protocol.Phase) {
	r := &protocol.Report{Generation: f.given[name].Generation, Epoch: 1}
	for _, a := range f.given[name].Apps {
		r.Apps = append(r.Apps, protocol.AppReport{Name: a.Name, Phase: phase, Digest: a.Blob.Digest, Since: f.now})
	}
	f.said[name] = r
	Touch(f.d, name)
}

// stage stages what Git asks of a cluster, as a publication does.
func (f *fleet) stage(name string) Staged {
	return f.d.Stage(f.now, f.labels[name], true, protocol.Bundle{Cluster: name, Apps: f.asked[name]}, f.given[name],
		func(string) Said { return Said{} })
}

// commits has Git ask for the same of all clusters.
func (f *fleet) commits(text string) {
	f.resolves(text)
	f.stages()
}

// resolves makes what Git asks of all clusters, which is no part of what policies cost.
func (f *fleet) resolves(text string) {
	f.commit++
	for name := range f.labels {
		f.asked[name] = appsFor(name, text)
	}
}

func (f *fleet) stages() {
	for name := range f.labels {
		f.stage(name)
	}
	f.d.Offer(protocol.Revision{Hash: fmt.Sprint(f.commit)}, Commit{}, func(string) bool { return false })
}

// publishes gives clusters what was released to them.
func (f *fleet) publishes(names []string) {
	for _, name := range names {
		f.give(name, f.stage(name).Apps, f.given[name].Generation+1)
		Touch(f.d, name)
	}
}

// steps is what the hub does of what is news, with what the store is told and what is shown.
func (f *fleet) steps() []string {
	names := f.d.Step(f.now, f)
	Noted(f.d)
	_ = f.d.Unsaved()
	f.d.Saved()
	_ = f.d.Show()
	return names
}

var _ Facts = (*fleet)(nil)

// processor reports how long the processor worked for an operation: that does not follow what else the machine does. It
// counts the garbage collector, which works beside.
type processor struct {
	b     *testing.B
	unit  string // of what is measured, "cpu-µs/op" if there is nothing else
	spent time.Duration
	from  time.Duration
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (p *processor) start() { p.from = used() }
func (p *processor) stop()  { p.spent += used() - p.from }
func (p *processor) report() {
	p.b.ReportMetric(float64(p.spent.Microseconds())/float64(p.b.N), cmp.Or(p.unit, "cpu-µs/op"))
}

// BenchmarkAReportOf10000 is a report after which nothing is another way.
func BenchmarkAReportOf10000(b *testing.B) {
	f := many(thousands, rollout.Amount{Count: 500})
	p := processor{b: b}
	p.start()
	for b.Loop() {
		f.says("c77", protocol.PhaseHealthy)
		f.steps()
	}
	p.stop()
	p.report()
}

// BenchmarkASettledClusterOf10000 is a report by which a cluster settles, so that the next one is released in each of
// three policies, with what the store is told; and that that one was given something.
func BenchmarkASettledClusterOf10000(b *testing.B) {
	f := many(thousands, rollout.Amount{Count: 500})
	p, i := processor{b: b}, 1
	var flying []string
	for b.Loop() {
		if len(flying) == 0 {
			i++
			f.commits(fmt.Sprintf("a=%d b=1 c=%d d=1 e=%d", i, i, i))
			f.publishes(f.steps())
			f.publishes(f.steps())
			flying = f.flying()
		}
		f.now = f.now.Add(time.Millisecond)
		p.start()
		f.says(flying[0], protocol.PhaseHealthy)
		next := f.steps()
		p.stop()
		f.publishes(next)
		p.start()
		f.steps()
		p.stop()
		flying = append(flying[1:], next...)
	}
	p.report()
}

// flying are clusters that were given something and have not said so.
func (f *fleet) flying() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(f.given)) {
		if f.given[name].Generation > f.said[name].Generation {
			names = append(names, name)
		}
	}
	return names
}

// BenchmarkACommitFor10000 is a commit that changes all clusters, from staging it to what is stored. The step, which
// decides and releases, is also shown alone.
func BenchmarkACommitFor10000(b *testing.B) {
	f := many(thousands, rollout.Amount{Count: 500})
	p, step, i := processor{b: b}, processor{b: b, unit: "step-cpu-µs/op"}, 1
	for b.Loop() {
		i++
		f.resolves(fmt.Sprintf("a=%d b=1 c=%d d=1 e=%d", i, i, i))
		p.start()
		f.stages()
		step.start()
		f.steps()
		step.stop()
		p.stop()
	}
	p.report()
	step.report()
}

// TestWhatTheGateHolds measures the memory of policies, driver and state, by cluster, after four changes of each app.
// It does not run beside other tests: it counts what the heap has. How full maps are depends on the number of clusters.
func TestWhatTheGateHolds(t *testing.T) { //nolint:paralleltest // see above
	if testing.Short() || race.Enabled {
		t.Skip("it counts memory")
	}
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	f := many(*holding, rollout.Amount{})
	for i := range 3 {
		f.commits(fmt.Sprintf("a=%d b=%d c=%d d=%d e=%d", i+2, i+2, i+2, i+2, i+2))
		for range 3 {
			f.publishes(f.steps())
			for _, name := range f.flying() {
				f.says(name, protocol.PhaseHealthy)
			}
		}
		f.now = f.now.Add(2 * time.Hour)
		f.steps()
	}
	for _, r := range f.d.rollouts {
		if apps := r.memory.Clusters["c77"].Apps; len(apps) == 0 || len(slices.Collect(maps.Values(apps))[0]) != 4 {
			t.Fatalf("c77 has no history of four: %v", apps)
		}
	}
	with := heap()
	f.d = nil
	by := (with - heap()) / uint64(*holding)
	runtime.KeepAlive(f)
	t.Logf("three policies hold %d bytes for each of %d clusters", by, *holding)
	if by > mostHeld {
		t.Errorf("three policies hold %d bytes for each of %d clusters, and %d may be", by, *holding, mostHeld)
	}
}

// mostHeld is how many bytes three policies may hold for a cluster that all of them hold.
const mostHeld = 4 << 10
