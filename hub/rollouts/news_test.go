package rollouts

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/protocol"
)

// everything is what the store is to have, whatever it was told.
func everything(d *Driver) map[string][]byte {
	out := map[string][]byte{keyFleet: encode(d.fleet)}
	if string(out[keyFleet]) == "{}" {
		delete(out, keyFleet)
	}
	for name, r := range d.rollouts {
		out[keyPolicy+name] = encode(r.stored())
		for cluster := range r.memory.Clusters {
			c, _ := r.storedCluster(cluster)
			out[keyCluster+name+"/"+cluster] = encode(c)
		}
		for id, t := range r.memory.Targets {
			out[keyContent+name+"/"+id] = content.Store(t.Content)
			t.Content = nil
			out[keyTarget+name+"/"+id] = encode(t)
		}
	}
	for digest := range d.entries.Digests() {
		out[keyEntry+digest] = d.entries.JSON(digest)
	}
	return out
}

// A driver that looks at what is news does what one does that looks at all clusters every time: it releases, stores and
// shows the same, and is due at the same time.
func TestADriverLooksAtWhatIsNews(t *testing.T) {
	t.Parallel()
	some, all := 0, 0
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // a test repeats itself
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprintf("%c%02d", "abc"[i%3], i))
		}
		p := inTwo(t)
		p.Waves[0].AtOnce, p.Waves[1].AtOnce = rollout.Amount{Count: 2}, rollout.Amount{Count: 3}
		p.Waves[0].Soak, p.Waves[1].Failures = time.Minute, rollout.Amount{Count: 2}
		f, g := newFleet(t, p, names...), newFleet(t, p, names...)
		for _, x := range []*fleet{f, g} {
			x.follow()
		}
		for i := range 250 {
			op, a, b := random.IntN(20), names[random.IntN(len(names))], random.IntN(100)
			for _, x := range []*fleet{f, g} {
				x.random(op, a, b)
			}
			f.turns(&some, &all, false)
			g.turns(&some, &all, true)
			for _, c := range [...]struct {
				what      string
				got, want any
			}{{"clusters have", f.given, g.given}, {"it shows", f.d.Show(), g.d.Show()}, {"it is due", f.d.Due(), g.d.Due()},
				{"the store has", f.store, everything(f.d)}, {"the store has", f.store, g.store}} {
				if !reflect.DeepEqual(c.got, c.want) {
					t.Fatalf("seed %d, %d, after %d %s %d: %s\n%s\nwant\n%s", seed, i, op, a, b, c.what, c.got, c.want)
				}
			}
		}
	}
	if t.Logf("%d steps could look at some clusters, and %d not", some, all); some < 2*all {
		t.Errorf("%d steps could look at some clusters, and %d not", some, all)
	}
}

// random does something to a fleet. What it is follows from its arguments.
func (f *fleet) random(op int, name string, n int) {
	switch op {
	case 0:
		f.commit++
		for c := range f.labels {
			f.asked[c] = appsOf(fmt.Sprintf("web=%d db=%d", n%7, n%2))
			f.publish(c)
		}
		f.d.Offer(protocol.Revision{Hash: fmt.Sprintf("%040d", f.commit)}, Commit{}, func(string) bool { return false })
	case 1:
		f.now = f.now.Add(time.Duration(n) * time.Second)
	case 2:
		f.labels[name] = map[string]string{"ring": string("abc"[n%3])}
		f.publish(name)
	case 3:
		if n < 20 {
			_, _ = f.d.Decide(f.now, Order{Action: []Action{Halt, Resume}[n%2], Policy: "production", Reason: "r"})
		}
	case 4:
		f.talk(name, []protocol.Phase{protocol.PhaseFailed, protocol.PhaseApplying}[n%2])
	default:
		f.now = f.now.Add(time.Second)
		f.talk(name, protocol.PhaseHealthy)
	}
}

// talk has an agent report all that its cluster was given.
func (f *fleet) talk(name string, phase protocol.Phase) {
	b := f.given[name]
	r := &protocol.Report{Generation: b.Generation, Epoch: b.Epoch}
	for _, a := range b.Apps {
		r.Apps = append(r.Apps, protocol.AppReport{Name: a.Name, Phase: phase, Digest: a.Blob.Digest, Since: f.now})
	}
	f.said[name] = r
	Touch(f.d, name)
}

// turns steps as the hub does, and counts steps that may look at some clusters alone.
func (f *fleet) turns(some, all *int, whole bool) {
	for range 3 {
		if f.d.staged = f.d.staged || whole; f.d.staged {
			*all++
		} else {
			*some++
		}
		if whole {
			*all--
		}
		names := f.d.Step(f.now, f)
		f.save()
		for _, name := range names {
			f.publish(name)
		}
		if len(names) == 0 {
			return
		}
		Touch(f.d, names...)
	}
}

// What an older hub has stored is read, and stored again in the form of this one.
func TestTargetsOfAnOlderHubAreRead(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asks("web=2")
	want := map[string]rollout.Known{}
	for name, r := range f.d.rollouts {
		for id, known := range r.memory.Targets {
			want[id] = known
			f.store[keyTarget+name+"/"+id] = encode(known)
			delete(f.store, keyContent+name+"/"+id)
		}
	}
	if len(want) < 2 {
		t.Fatalf("there are %d targets", len(want))
	}
	check := func() {
		t.Helper()
		f.start()
		if got := f.d.rollouts["production"].memory.Targets; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("it has %v\nwant %v", got, want)
		}
	}
	check()
	f.save()
	for id := range want {
		if len(f.store[keyContent+"production/"+id]) == 0 {
			t.Errorf("of %s it is not stored what it asks", id)
		}
	}
	check()
}

// What an agent said before the hub took the fleet over counts as well, also where nothing is news after that.
func TestAReportFromBeforeTakingOverIsJudged(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.roll()
	f.said["a"].Epoch, f.said["a"].Generation = 1, 99
	Expect(f.d, f, []string{"a", "b"}, func() uint64 { return 2 })
	f.d.Step(f.now, f)
	if halts := f.d.Show()[0].Halts; len(halts) != 1 {
		t.Errorf("an agent that knows more than the store halts %+v", halts)
	}
}

// What Git asks is offered when it is known of the last cluster, also where that is what was asked before.
func TestACommitIsOfferedWhenAllIsKnown(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.asked["a"] = appsOf("web=2")
	f.publish("a")
	rev := protocol.Revision{Hash: strings.Repeat("2", 40)}
	for _, waits := range []bool{true, true, false} {
		f.d.Offer(rev, Commit{}, func(cluster string) bool { return waits && cluster == "b" })
		f.roll()
		if got := slices.Contains(f.d.Commits(), rev.Hash); got == waits {
			t.Errorf("while b waits (%v) it is %v that the commit was offered", waits, got)
		}
	}
}

// That a commit is gone from the branch is seen although nothing else is news.
func TestACommitThatIsGoneIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Waves[1].Approval = &rollout.Approval{Count: 1}
	f := begun(t, p)
	f.asks("web=2")
	f.reports(protocol.PhaseHealthy, "a")
	wave := func() query.Wave { return f.d.Show()[0].Waves[1] }
	if wave().Reason != string(rollout.AwaitingApproval) {
		t.Fatalf("the second wave is %+v", wave())
	}
	f.d.Lost(map[string]bool{wave().Target: true})
	f.roll()
	if wave().Reason == string(rollout.AwaitingApproval) {
		t.Errorf("the second wave is %+v", wave())
	}
}
