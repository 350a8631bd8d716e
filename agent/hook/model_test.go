package hook

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// thing is the object of a hook in the world of the model.
type thing struct {
	mark     string
	ticks    int  // until it ends
	fails    bool // when it does
	held     bool // by the finalizer of hooks
	deleting bool
}

func (o *thing) ended() bool { return o.ticks <= 0 }

// world is what outlives an agent: the cluster, and what is stored.
type world struct {
	t       *testing.T
	rand    *rand.Rand
	now     time.Time
	plan    *plan.Plan // that Git has, or had
	left    bool       // the app was removed from Git
	fails   map[string]bool
	things  map[protocol.ObjectRef]*thing
	created map[Key]int
	ended   map[Key]agent.HookStage
	applied map[string]int // ticks since a wave was applied, by digest and wave
	pruned  bool
	gone    bool
	stored  []byte
	budget  int // requests until the agent crashes
}

type crash struct{}

// request makes a request, which may be the last that the agent makes: then nobody hears of the answer, and it may have
// had no effect.
func (w *world) request(effect func()) {
	w.budget--
	if w.budget != 0 || w.rand.IntN(2) == 0 {
		effect()
	}
	if w.budget == 0 {
		panic(crash{})
	}
}

// tick lets time pass: hooks end, and what has ended may be deleted by its controller.
func (w *world) tick() {
	w.now = w.now.Add(time.Second)
	for key := range w.applied {
		w.applied[key]++
	}
	for ref, o := range w.things {
		if o.ticks--; o.ended() {
			w.ended[Key{o.mark, ref}] = agent.HookSucceeded
			if o.fails {
				w.ended[Key{o.mark, ref}] = agent.HookFailed
			}
			o.deleting = o.deleting || ref.Name[1]%2 == 0 // its TTL
		}
		if o.deleting && !o.held {
			delete(w.things, ref)
		}
	}
}

func (w *world) waveKey(wave int) string { return fmt.Sprint(w.plan.Digest, wave) }

// expect fails the test if something is not as it must be.
func (w *world) expect(is bool, format string, args ...any) {
	w.t.Helper()
	if !is {
		w.t.Errorf(format, args...)
	}
}

// modelAgent is one agent, until it crashes.
type modelAgent struct {
	*world
	p     Progress
	dirty bool
	seen  map[protocol.ObjectRef]Seen
}

// watch is what the agent sees of the world.
func (a *modelAgent) watch() {
	for _, h := range a.p.Unreleased() {
		o, s := a.things[h.Ref], a.seen[h.Ref]
		s.There, s.Gone = o != nil, o == nil
		if o != nil {
			s.Deleting, s.Mark, s.Verdict = o.deleting, o.mark, fleet.Verdict{Health: protocol.HealthProgressing}
			switch {
			case o.ended() && o.fails:
				s.Verdict.Health = protocol.HealthDegraded
			case o.ended():
				s.Verdict.Health = protocol.HealthCurrent
			}
		}
		a.seen[h.Ref] = s
	}
}

func (a *modelAgent) store() {
	a.request(func() { a.stored, _ = json.Marshal(a.p.Run) })
	a.dirty = false
}

// takeThrough executes what Next says, as agent/deliver does.
func (a *modelAgent) takeThrough(v View) bool {
	v.Plan, v.Timeout, v.Tried = a.plan, time.Hour, map[Key]bool{}
	for range 100 {
		a.watch()
		v.Now, v.Unsaved, v.Hooks = a.now, a.dirty, a.seen
		if v.Wave != nil {
			v.Wave = &Wave{Number: v.Wave.Number}
			if a.applied[a.waveKey(v.Wave.Number)] < 3 {
				v.Wave.Worst = problem(protocol.HealthProgressing)
			}
		}
		d := Next(a.p, v)
		a.p, a.dirty = d.Progress, a.dirty || d.Changed
		if len(d.Actions) == 0 {
			return d.Done
		}
		for _, act := range d.Actions {
			switch act := act.(type) {
			case Store:
				a.store()
			case Create:
				v.Tried[KeyOf(act.State)] = true
				a.create(act)
			case Explain:
				a.request(func() {})
				a.p, _ = a.p.Explained(act, "", a.now)
				a.dirty = true
			case Release:
				v.Tried[KeyOf(act.State)] = true
				a.release(act.State)
			case Apply:
				a.apply(act.Wave)
				v.Wave = &Wave{Number: act.Wave}
			}
		}
	}
	a.t.Fatal("a turn does not end")
	return false
}

func (a *modelAgent) trouble(h agent.HookState, text string, final bool) {
	s := a.seen[h.Ref]
	s.Failed, s.Trouble = h.Mark, &Trouble{Text: text, Next: a.now.Add(2 * time.Second), Final: final}
	a.seen[h.Ref] = s
}

func (a *modelAgent) create(act Create) {
	h := act.State
	var stored agent.Run
	w := a.world
	w.expect(json.Unmarshal(w.stored, &stored) == nil && stored.State(h.Mark, h.Ref) != nil,
		"%s is created before that is stored", h.Ref)
	w.mayCreate(h)
	if o := a.things[h.Ref]; o != nil {
		way, err := WayOf(act.Hook, h, "shop", agent.Live{App: "shop", Hook: true, HookRun: o.mark}, false)
		switch way {
		case Refuse:
			a.trouble(h, err.Error(), true)
			return
		case Replace:
			w.expect(o.ended() || o.deleting, "%s is replaced while it runs", h.Ref)
			a.request(func() { o.deleting, o.held = true, false })
			a.trouble(h, "the one of an earlier run is being deleted", false)
			return
		}
	}
	if a.rand.IntN(8) == 0 {
		a.trouble(h, "no answer", false)
		return
	}
	a.request(func() {
		if o := a.things[h.Ref]; o == nil {
			a.created[KeyOf(h)]++
			a.things[h.Ref] = &thing{mark: h.Mark, ticks: 1 + a.rand.IntN(4), fails: a.fails[h.Ref.Name], held: true}
		}
	})
	a.p, _ = a.p.Created(KeyOf(h))
	a.dirty = true
	s := a.seen[h.Ref]
	s.Trouble, s.Failed = nil, h.Mark
	a.seen[h.Ref] = s
}

// mayCreate checks that a hook is created at its time, and once.
func (w *world) mayCreate(h agent.HookState) {
	w.expect(w.created[KeyOf(h)] == 0 || w.things[h.Ref] != nil, "%s of %s is created again", h.Ref, h.Mark)
	healthy := true
	for _, wave := range w.plan.Waves() {
		healthy = healthy && w.applied[w.waveKey(wave)] >= 3
	}
	switch h.Phase {
	case fleet.PreSync:
		_, applied := w.applied[w.waveKey(0)]
		w.expect(!applied, "%s is created after something was applied", h.Ref)
		for ref, o := range w.things {
			w.expect(o.mark == h.Mark || o.ended(), "%s of %s is created while %s of %s runs", h.Ref, h.Mark, ref, o.mark)
		}
	case fleet.PostSync:
		w.expect(healthy, "%s is created before everything is healthy", h.Ref)
	case fleet.SyncFail:
		failed := false
		for k, stage := range w.ended {
			failed = failed || stage == agent.HookFailed && k.Mark[0] == h.Mark[0]
		}
		w.expect(failed || len(w.refusals(h.Mark)) > 0, "%s is created though nothing failed", h.Ref)
	case fleet.PreDelete:
		w.expect(w.left && !w.pruned, "%s is created at another time than before the objects are deleted", h.Ref)
	case fleet.PostDelete:
		w.expect(w.pruned, "%s is created before the objects are deleted", h.Ref)
	}
}

// refusals are the hooks of a run that were refused, because the object of an earlier run is left.
func (w *world) refusals(mark string) (out []string) {
	var run agent.Run
	_ = json.Unmarshal(w.stored, &run)
	for _, h := range run.Hooks {
		if h.Mark[0] == mark[0] && h.Stage == agent.HookFailed {
			out = append(out, h.Ref.Name)
		}
	}
	return out
}

func (a *modelAgent) apply(wave int) {
	for _, h := range a.plan.Hooks {
		phase := fleet.PreSync
		if h.Hook.In(fleet.Sync, false) && h.Wave < wave {
			phase = fleet.Sync
		} else if !h.Hook.In(fleet.PreSync, false) {
			continue
		}
		k := Key{a.p.Run.Mark(phase), h.Ref}
		a.expect(a.ended[k] == agent.HookSucceeded, "wave %d is applied, but %s of %s is %q", wave, k.Ref, k.Mark, a.ended[k])
	}
	for _, before := range a.plan.Waves() {
		a.expect(before >= wave || a.applied[a.waveKey(before)] >= 3, "wave %d is applied before wave %d is healthy", wave,
			before)
	}
	a.request(func() { a.applied[a.waveKey(wave)] += 0 })
}

func (a *modelAgent) release(h agent.HookState) {
	o := a.things[h.Ref]
	if o != nil && o.mark == h.Mark {
		var run agent.Run
		_ = json.Unmarshal(a.stored, &run)
		known := slices.ContainsFunc(slices.Concat(run.Hooks, run.Past),
			func(x agent.HookState) bool { return KeyOf(x) == KeyOf(h) && x.Ended() })
		a.expect(known, "%s is released before it is stored how it ended", h.Ref)
		switch ReleaseOf(h, agent.Live{HookRun: o.mark}, false) {
		case DeleteObject:
			a.request(func() { o.deleting, o.held = true, false })
			return // the watch tells when it is gone
		case RemoveFinalizer:
			a.request(func() { o.held = false })
		}
	}
	a.p, a.dirty = a.p.Released(KeyOf(h)), true
}

// turn is what agent/deliver does of an app in a turn.
func (a *modelAgent) turn() {
	if a.left {
		a.leave()
		return
	}
	p, changed := a.p.Begin(a.plan, nil, false, a.now)
	a.p, a.dirty = p, a.dirty || changed
	if !a.takeThrough(View{Moment: Tidy}) {
		return
	}
	if !a.p.Run.Entered {
		if !a.takeThrough(View{Moment: Prepare, InForce: true}) {
			a.finish()
			return
		}
		a.p = a.p.Enter(a.plan)
		a.store()
	}
	if a.p.Part(a.plan) == ByWave {
		a.takeThrough(View{Moment: Deliver})
	}
	healthy := a.applied[a.waveKey(0)] >= 3 && a.applied[a.waveKey(1)] >= 3
	a.takeThrough(View{Moment: Complete, Healthy: healthy})
	a.finish()
	a.takeThrough(View{Moment: Tidy})
	a.finish()
}

func (a *modelAgent) finish() {
	if a.dirty {
		a.store()
	}
}

func (a *modelAgent) leave() {
	p, changed := a.p.Leave(a.plan, true, a.now)
	a.p, a.dirty = p, a.dirty || changed
	switch {
	case !a.takeThrough(View{Moment: Tidy}):
	case a.p.Run.Failure != "", !a.takeThrough(View{Moment: BeforeDelete}):
	default:
		for _, h := range a.plan.Hooks {
			k := Key{a.p.Run.Mark(fleet.PreDelete), h.Ref}
			a.expect(!h.Hook.In(fleet.PreDelete, false) || a.ended[k] == agent.HookSucceeded,
				"the objects are deleted before %s succeeded", h.Ref)
		}
		a.pruned = true
		if a.takeThrough(View{Moment: AfterDelete}) && a.takeThrough(View{Moment: Erase, Delete: true}) {
			a.gone = !a.p.Run.Open()
		}
	}
	if !a.gone {
		a.finish()
	}
}

// restart is an agent that goes on with what is stored.
func (w *world) restart() *modelAgent {
	a := &modelAgent{world: w, seen: map[protocol.ObjectRef]Seen{}}
	_ = json.Unmarshal(w.stored, &a.p.Run)
	w.budget = 1 + w.rand.IntN(30)
	return a
}

// run has agents work until nothing is left to do, and says whether they came to that.
func (w *world) run(ticks int, crashes bool) *modelAgent {
	a := w.restart()
	for range ticks {
		crashed := func() (crashed bool) {
			defer func() {
				if r := recover(); r == (crash{}) {
					crashed = true
				} else if r != nil {
					panic(r)
				}
			}()
			if !crashes {
				w.budget = -1
			}
			a.turn()
			return false
		}()
		if crashed {
			a = w.restart()
		}
		if w.gone {
			break
		}
		w.tick()
	}
	return a
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, rand: r, now: start, fails: map[string]bool{}, things: map[protocol.ObjectRef]*thing{},
		created: map[Key]int{},
		ended:   map[Key]agent.HookStage{}, applied: map[string]int{}}
	phases := []fleet.HookPhase{fleet.PreSync, fleet.Sync, fleet.PostSync, fleet.SyncFail, fleet.PreDelete,
		fleet.PostDelete}
	policies := [][]fleet.DeletePolicy{{fleet.BeforeHookCreation}, {fleet.HookSucceeded}, {fleet.HookFailed},
		{fleet.BeforeHookCreation, fleet.HookSucceeded}}
	var hooks []plan.Hook
	for i := range 1 + r.IntN(7) {
		name := fmt.Sprint("h", i)
		w.fails[name] = r.IntN(6) == 0
		hooks = append(hooks, withPolicy(hookOf(name, phases[r.IntN(len(phases))]), policies[r.IntN(len(policies))]...))
	}
	for i := range hooks {
		hooks[i].Wave = i * 2 / len(hooks)
	}
	w.plan = planOf(hooks, 0, 1)
	return w
}

// revise is another revision of the app with the same hooks.
func (w *world) revise() {
	next := *w.plan
	next.Digest, next.Generation = next.Digest+"+", next.Generation+1
	w.plan = &next
}

// settled checks that nothing is left to do, and that every hook is released.
func (w *world) settled(a *modelAgent) {
	r := a.p.Run
	w.expect(r.Done || r.Failure != "" || w.stuck(r), "the run has not ended: %+v", r)
	for _, h := range slices.Concat(r.Hooks, r.Past) {
		o := w.things[h.Ref]
		mine := o != nil && o.mark == h.Mark
		w.expect(h.Tidy, "%s is not released", state(h))
		w.expect(!mine || !o.held && !h.Doomed(), "the object of %s is left", state(h))
	}
}

// stuck says whether a run has only hooks for a failure left.
func (w *world) stuck(r *agent.Run) bool { return r.Applied && w.plan.Has(false, fleet.SyncFail) }

// TestHooksRunOnceHoweverOftenTheAgentCrashes has agents crash at random requests, before or after they have their
// effect: the same hooks run as without a crash, each once and at its time.
func TestHooksRunOnceHoweverOftenTheAgentCrashes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		var created []map[Key]int
		var failures []string
		for _, crashes := range []bool{false, true} {
			w := newWorld(t, seed)
			a := w.run(200, crashes)
			a.budget = -1
			w.settled(a)
			created, failures = append(created, w.created), append(failures, a.p.Run.Failure)
			for k, n := range w.created {
				w.expect(n == 1, "%s of %s was created %d times", k.Ref, k.Mark, n)
			}
		}
		equal(t, "what was created with crashes", created[1], created[0])
		equal(t, "the failure with crashes", failures[1], failures[0])
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

// TestRevisionsReplaceEachOtherWhileAgentsCrash adds new revisions in the middle of their predecessors, and at last the
// removal of the app.
func TestRevisionsReplaceEachOtherWhileAgentsCrash(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		w := newWorld(t, seed)
		for range w.rand.IntN(4) {
			w.run(w.rand.IntN(12), true)
			w.revise()
		}
		if a := w.run(200, true); w.rand.IntN(4) == 0 {
			a.budget = -1
			w.settled(a)
		}
		last := w.restart().p.Run
		w.left = true
		a := w.run(200, true)
		w.expect(w.gone || a.p.Run.Failure != "", "the app is not removed: %+v", a.p.Run)
		for ref, o := range w.things { // those of earlier revisions are kept
			known := last.State(o.mark, ref) != nil || o.mark[0] == a.p.Run.ID[0] && a.p.Run.State(o.mark, ref) != nil
			w.expect(!w.gone || !known, "the object of the hook %s of %s is left", ref, o.mark)
		}
		for k, n := range w.created {
			w.expect(n == 1, "%s of %s was created %d times", k.Ref, k.Mark, n)
		}
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}
