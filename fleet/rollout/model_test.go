package rollout

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/internal/race"
)

var (
	modelSeed  = flag.Uint64("rollout.seed", 0, "run the model with this seed alone")
	modelSteps = flag.Int("rollout.steps", 100_000, "how many steps the model makes in all")
)

// op is one thing that happens to a fleet. What it means follows from the numbers and the state that it meets, so that
// what is left when others are taken away still means something.
type op struct {
	kind uint8
	x, y uint16
}

const opsOfRun = 200

// TestTheModel has random things happen to a small fleet, and checks after every step what must hold whatever happens.
// It prints the seed of what fails, and the shortest run that it finds.
func TestTheModel(t *testing.T) {
	t.Parallel()
	steps, most := 0, *modelSteps
	if race.Enabled {
		most /= 20 // nothing here runs at the same time as anything else
	}
	for seed := uint64(1); steps < most; seed++ {
		if *modelSeed != 0 {
			seed = *modelSeed
		}
		ops := randomOps(seed)
		policy := randomPolicy(t, seed)
		wrong, made := playModel(t, policy, ops)
		if steps += made; wrong != "" {
			ops, wrong = shrink(t, policy, ops, wrong)
			t.Fatalf("go test -run TestTheModel -rollout.seed=%d\n%s\nthe shortest run: %s", seed, wrong, describeOps(ops))
		}
		if *modelSeed != 0 {
			return
		}
	}
}

func randomOps(seed uint64) []op {
	r := rand.New(rand.NewPCG(seed, 1))
	ops := make([]op, opsOfRun)
	for i := range ops {
		ops[i] = op{uint8(r.UintN(uint(len(happens)))), uint16(r.UintN(1 << 16)), uint16(r.UintN(1 << 16))}
	}
	return ops
}

func randomPolicy(t *testing.T, seed uint64) Policy {
	r := rand.New(rand.NewPCG(seed, 2))
	pick := func(of ...Amount) Amount { return of[r.IntN(len(of))] }
	p := Policy{Name: "production", Settle: 15 * time.Minute, OnFailure: []OnFailure{Halt, Rollback}[r.IntN(2)]}
	for i := range 1 + r.IntN(3) {
		w := Wave{Name: fmt.Sprint("w", i), Soak: time.Duration(r.IntN(3)) * 20 * time.Minute,
			AtOnce:   pick(Amount{}, Amount{Count: 1}, Amount{Count: 2}, Amount{Share: 5000}),
			Failures: pick(Amount{}, Amount{Count: 1}, Amount{Share: 3000})}
		if i < 2 || r.IntN(2) == 0 {
			w.Selector = labelled(t, fmt.Sprint("ring=", i))
		}
		if r.IntN(3) == 0 {
			w.Steps = []Amount{{Count: 1}, {Share: 5000}, All}
		}
		if r.IntN(4) == 0 {
			w.Approval = &Approval{Count: 1}
		}
		if r.IntN(4) == 0 {
			w.Gates = []string{"errors"}
		}
		p.Waves = append(p.Waves, w)
	}
	return p
}

func shrink(t *testing.T, p Policy, ops []op, wrong string) ([]op, string) {
	for size := len(ops) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(ops); {
			fewer := slices.Delete(slices.Clone(ops), at, at+size)
			if still, _ := playModel(t, p, fewer); still != "" {
				ops, wrong = fewer, still
				continue
			}
			at += size
		}
	}
	return ops, wrong
}

func describeOps(ops []op) string {
	var out []string
	for _, o := range ops {
		out = append(out, fmt.Sprintf("%s(%d, %d)", happens[o.kind].name, o.x, o.y))
	}
	return strings.Join(out, ", ")
}

// model is a fleet to which things happen.
type model struct {
	*sim
	targets []string
	steps   int
	twin    *twin
	random  *rand.Rand // which of the releases of a step are lost in a crash
}

func (m *model) cluster(x uint16) string { return fmt.Sprint("c", x%9) }

// happens is what may happen. Most often time passes and agents report.
var happens = []struct {
	name string
	do   func(m *model, x, y uint16)
}{
	{"commit", func(m *model, x, y uint16) {
		t := m.target(fmt.Sprint("T", m.seq+1), "")
		for name := range t.Content {
			if y%7 == 0 && name == m.cluster(x) {
				delete(t.Content, name)
				continue
			}
			c := Content{"web": {Digest: fmt.Sprint(x % 5)}, "db": {Digest: fmt.Sprint(y % 3), Stays: y%11 == 0}}
			if x%8 == 0 {
				delete(c, "db")
			}
			t.Content[name] = c
		}
		m.targets = append(m.targets, t.ID)
		m.in.Candidates = append(m.in.Candidates, t)
	}},
	{"pass time", func(m *model, x, _ uint16) { m.in.Now = m.in.Now.Add(time.Duration(x%40) * time.Minute) }},
	{"wake", func(m *model, _, _ uint16) {
		if m.out.Wake.After(m.in.Now) {
			m.in.Now = m.out.Wake
		}
	}},
	{"all report", func(m *model, _, _ uint16) { m.healthy() }},
	{"all report", func(m *model, _, _ uint16) { m.healthy() }},
	{"report", func(m *model, x, _ uint16) { m.healthy(m.cluster(x)) }},
	{"turn bad", func(m *model, x, y uint16) {
		if name := m.cluster(x); m.in.Released[name].Generation > 0 {
			m.app(name, []string{"web", "db"}[y%2], []State{Bad, Bad, Paused, Progressing, Suspended}[y%5])
		}
	}},
	{"refuse", func(m *model, x, _ uint16) {
		name := m.cluster(x)
		rep := m.in.Reports[name]
		rep.Refused = m.in.Released[name].Generation
		m.in.Reports[name] = rep
	}},
	{"link", func(m *model, x, y uint16) {
		if name := m.cluster(x); m.in.Members[name].Labels != nil && m.in.Members[name].Online != (y%2 == 0) {
			m.online(y%2 == 0, name)
		}
	}},
	{"label", func(m *model, x, y uint16) {
		if mem, is := m.in.Members[m.cluster(x)]; is {
			mem.Labels = map[string]string{"ring": fmt.Sprint(y % 4)}
			m.in.Members[m.cluster(x)] = mem
		}
	}},
	{"join", func(m *model, x, y uint16) {
		if _, is := m.in.Members[m.cluster(x)]; !is {
			m.join(m.cluster(x), fmt.Sprint(y%3))
		}
	}},
	{"leave", func(m *model, x, y uint16) {
		delete(m.in.Members, m.cluster(x))
		if y%2 == 0 {
			delete(m.in.Released, m.cluster(x))
			delete(m.in.Reports, m.cluster(x))
		}
	}},
	{"approve", func(m *model, x, y uint16) {
		m.decide(x, func(target string) {
			m.in.Decisions.Approvals = append(m.in.Decisions.Approvals,
				WaveApproval{fmt.Sprint("w", y%3), target, "ann", nil, "ann", ""})
		})
	}},
	{"gate", func(m *model, x, y uint16) {
		m.decide(0, func(target string) {
			m.in.Gates = append(m.in.Gates, GateResult{Gate: "errors", Wave: fmt.Sprint("w", y%3), Target: target,
				Slice: int(x % 3), Passed: y%5 > 0, Failed: y%15 == 0, At: m.in.Now})
		})
	}},
	{"skip", func(m *model, x, y uint16) {
		m.decide(x, func(target string) {
			if y%3 == 0 {
				m.in.Decisions.Skips = append(m.in.Decisions.Skips, Skip{fmt.Sprint("w", y%3), target})
			}
		})
	}},
	{"expedite", func(m *model, x, y uint16) {
		m.decide(x, func(target string) {
			if y%3 == 0 {
				m.in.Decisions.Expedites = append(m.in.Decisions.Expedites, target)
			}
		})
	}},
	{"roll back", func(m *model, x, y uint16) {
		m.decide(x, func(target string) {
			if y%3 == 0 {
				m.in.Decisions.Rollbacks = append(m.in.Decisions.Rollbacks, RollbackOrder{Target: target, Time: m.in.Now})
			}
		})
	}},
	{"resume", func(m *model, x, _ uint16) {
		m.decide(x, func(target string) {
			m.in.Decisions.Resumes = append(m.in.Decisions.Resumes, Resume{target, m.in.Now})
		})
	}},
	{"halt", func(m *model, x, y uint16) {
		m.in.Decisions.Halts = nil
		if x%2 == 0 {
			m.in.Decisions.Halts = []HaltOrder{{Wave: []string{"", "w0", "w1"}[y%3], Until: m.in.Now.Add(time.Hour)}}
		}
	}},
	{"pin", func(m *model, x, y uint16) {
		p := Pin{Until: m.in.Now.Add(time.Hour)}
		if y%2 == 0 {
			p.Content = Content{"web": {Digest: "pinned"}}
		}
		m.in.Decisions.Pins[m.cluster(x)] = p
	}},
	{"window", func(m *model, x, _ uint16) {
		m.in.Policy.Windows = nil
		if x%3 == 0 {
			m.in.Policy.Windows = schedule.Windows{{Deny: true, From: m.in.Now, Until: m.in.Now.Add(time.Hour)}}
		}
	}},
	{"force-push", func(m *model, x, y uint16) {
		m.decide(x, func(target string) { m.in.Gone[target] = y%2 == 0 })
	}},
}

// decide is for a decision about one of the newest targets.
func (m *model) decide(x uint16, about func(target string)) {
	if n := len(m.targets); n > 0 {
		about(m.targets[n-1-min(int(x%3), n-1)])
	}
}

// playModel says what is wrong after what step, "" if nothing is, and how many steps it made.
func playModel(t *testing.T, p Policy, ops []op) (wrong string, steps int) {
	p.Waves = slices.Clone(p.Waves)
	m := &model{sim: newSim(t, p, map[string]string{"c0": "0", "c1": "0", "c2": "1", "c3": "1", "c4": "1", "c5": "2",
		"c6": "2"}),
		random: rand.New(rand.NewPCG(uint64(len(ops)), 3)), twin: &twin{}}
	if len(ops)%2 == 0 {
		m.had("web=0 db=0")
	}
	for i, o := range ops {
		happens[o.kind].do(m, o.x, o.y)
		if wrong = m.stepModel(); wrong != "" {
			return fmt.Sprintf("after %s, which is %d of %d: %s", happens[o.kind].name, i+1, len(ops), wrong), m.steps
		}
	}
	return m.settleModel(), m.steps
}

// stepModel steps as a hub does that may be killed between any two writes, and checks what must hold.
func (m *model) stepModel() string {
	before, released := m.m, map[string]Released{}
	for name, r := range m.in.Released {
		released[name] = r
	}
	m.steps += 4
	first := Step(before, m.in)
	if wrong := m.twin.step(m.in, first); wrong != "" {
		return wrong
	}
	if again := Step(before, m.in); !reflect.DeepEqual(first, again) {
		return "the same step gives something else"
	}
	m.out, m.m = first, first.Memory
	for _, r := range first.Releases { // killed after some of them
		if m.random.IntN(2) == 0 {
			m.do(r)
		}
	}
	m.in.Candidates = nil
	rest := Step(m.m, m.in)
	if wrong := m.twin.step(m.in, rest); wrong != "" {
		return wrong
	}
	if !reflect.DeepEqual(rest.Memory, m.m) {
		return fmt.Sprintf("I6: a hub that was killed remembers something else:\n%+v\n%+v", m.m, rest.Memory)
	}
	for _, r := range rest.Releases {
		if !slices.ContainsFunc(first.Releases, func(x Release) bool { return reflect.DeepEqual(x, r) }) {
			return fmt.Sprintf("I6: a hub that was killed releases %+v", r)
		}
		m.do(r)
	}
	more := Step(m.m, m.in)
	if wrong := m.twin.step(m.in, more); wrong != "" {
		return wrong
	}
	if len(more.Releases) > 0 || len(more.Events) > 0 {
		return fmt.Sprintf("I6: the same again releases %+v, with %+v", more.Releases, more.Events)
	}
	if !m.out.Wake.IsZero() && !m.out.Wake.After(m.in.Now) {
		return "it wakes in the past"
	}
	return m.check(before, first, released)
}

func (m *model) do(r Release) {
	m.generation++
	m.in.Released[r.Cluster] = Released{m.generation, m.in.Now, r.Content}
}

// check holds a step against the invariants.
func (m *model) check(before Memory, out Output, released map[string]Released) string {
	r, _ := begin(m.m.clone(), m.in, nil)
	for _, rel := range out.Releases {
		c, t := m.m.Clusters[rel.Cluster], m.m.Targets[rel.Target]
		w := r.wave[rel.Cluster]
		if rel.Rule == "" {
			return fmt.Sprintf("I7: %+v has no rule", rel)
		}
		fresh := !reflect.DeepEqual(c, before.Clusters[rel.Cluster]) && c.Since.Equal(m.in.Now)
		if fresh && rel.Rule == ByWave && w > 0 && m.m.Waves[m.in.Policy.Waves[w-1].Name].Seq < t.Seq {
			return fmt.Sprintf("I1: %s gets %s, which the wave before it has not passed", rel.Cluster, rel.Target)
		}
		if fresh && rel.Rule == ByPass && m.m.Waves[m.in.Policy.Waves[w].Name].Seq < t.Seq {
			return fmt.Sprintf("I1: %s gets %s, which its wave has not passed", rel.Cluster, rel.Target)
		}
		if fresh && (rel.Rule == ByWave || rel.Rule == ByExpedite) && t.Failed != nil {
			return fmt.Sprintf("I3: %s gets %s, which is bad", rel.Cluster, rel.Target)
		}
		for app, a := range rel.Content {
			had := before.Clusters[rel.Cluster].has(app).Digest
			if _, bad := r.bad(app, a.Digest, c.has(app).Seq); fresh && bad && rel.Rule != ByPin && had != a.Digest {
				return fmt.Sprintf("I3: %s gets %s=%s, which is bad", rel.Cluster, app, a.Digest)
			}
		}
		if pin, is := m.in.Decisions.Pins[rel.Cluster]; is && m.in.Now.Before(pin.Until) && rel.Rule != ByPin {
			return fmt.Sprintf("the pinned cluster %s gets %s", rel.Cluster, rel.Content)
		}
	}
	for i, w := range m.in.Policy.Waves {
		begun, n := 0, r.flights(i)
		for _, name := range r.in[i] {
			c := m.m.Clusters[name]
			if c.Since.Equal(m.in.Now) && c.Back && r.flying(name) {
				n-- // the way back has a limit of its own
			}
			if c.Since.Equal(m.in.Now) && !reflect.DeepEqual(c, before.Clusters[name]) && !c.Back && r.flying(name) {
				begun++
			}
		}
		if begun > 0 && n > r.atOnce(i) {
			return fmt.Sprintf("I2: %d are in flight in %s, and %d may", n, w.Name, r.atOnce(i))
		}
		if now, then := m.m.Waves[w.Name], before.Waves[w.Name]; now.Seq < then.Seq {
			return fmt.Sprintf("%s has passed %d, and %d before", w.Name, now.Seq, then.Seq)
		}
	}
	return ""
}

// settleModel lets everything end well, and checks that nothing is left.
func (m *model) settleModel() string {
	m.in.Decisions.Halts, m.in.Policy.Windows, m.in.Gone = nil, nil, map[string]bool{}
	for i := range m.in.Policy.Waves {
		m.in.Policy.Waves[i].Approval, m.in.Policy.Waves[i].Gates = nil, nil
	}
	m.in.Gates = nil
	for name := range m.in.Members {
		m.in.Members[name] = Member{Labels: map[string]string{"ring": "0"}, Online: true, Since: m.in.Now}
	}
	last := m.target("last", "web=last db=last")
	m.in.Candidates = append(m.in.Candidates, last)
	for range 60 {
		m.in.Now = m.in.Now.Add(20 * time.Minute)
		m.healthy()
		if wrong := m.stepModel(); wrong != "" {
			return "at the end: " + wrong
		}
		m.healthy()
	}
	r, _ := begin(m.m.clone(), m.in, nil)
	for _, name := range r.names {
		if got := m.in.Released[name].Content.String(); got != "db=last web=last" && r.wave[name] >= 0 {
			return fmt.Sprintf("at the end %s has %q: %v", name, got, m.out.Why)
		}
		for app, entries := range m.m.Clusters[name].Apps { // I4
			if b, is := r.bad(app, entries[0].Digest, entries[0].Seq); is && b.Back {
				return fmt.Sprintf("I4: at the end %s has %s=%s, which is bad", name, app, entries[0].Digest)
			}
		}
	}
	return ""
}
