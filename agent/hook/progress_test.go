package hook

import (
	"reflect"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

var busy = Progress{Step: fact(protocol.ReasonHookRunning, "x"), Stuck: true, Paused: true,
	paused: map[Key]bool{{}: true}}

// with is busy with another run.
func busyWith(r *agent.Run) Progress {
	p := busy
	p.Run = r
	return p
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n\t%+v\nwant\n\t%+v", what, got, want)
	}
}

func TestBeginOfARun(t *testing.T) {
	t.Parallel()
	ordered, plain := planOf(nil, 0, 1), planOf(nil, 0)
	id := plan.RunID(ordered)
	unended := stateIn("h", fleet.Sync, agent.HookRunning)
	cancelled := stateIn("h", fleet.Sync, agent.HookFailed, func(h *agent.HookState) {
		h.Message, h.Hung, h.Over, h.Remove = "a newer revision came", true, true, true
	})
	of := func(change ...func(*agent.Run)) *agent.Run {
		r := runOf(change...)
		r.ID = id
		return r
	}
	otherRun := func(r *agent.Run) { r.Digest = "before" }
	for name, c := range map[string]struct {
		before  Progress
		next    *plan.Plan
		install bool
		want    Progress
		changed bool
	}{
		"goes on":           {busyWith(of(reached(3))), ordered, true, busyWith(of(reached(3))), false},
		"nothing to order":  {busyWith(of(otherRun)), plain, true, Progress{}, false},
		"the first":         {Progress{}, ordered, true, Progress{Run: of(func(r *agent.Run) { r.Install = true })}, true},
		"after another":     {busyWith(of(otherRun)), ordered, false, Progress{Run: of()}, true},
		"after its removal": {busyWith(of(leaving)), ordered, false, Progress{Run: of()}, true},
		"hooks are left": {busyWith(of(otherRun, withHooks(unended))), plain, false,
			Progress{Run: of(func(r *agent.Run) { r.Past = []agent.HookState{cancelled} })}, true},
		"hooks are released": {busyWith(of(otherRun, withHooks(stateIn("h", fleet.Sync, agent.HookSucceeded, tidied)))),
			plain, false, Progress{}, false},
	} {
		was := c.before.Run.Clone()
		got, changed := c.before.Begin(c.next, nil, c.install, start)
		equal(t, name, got, c.want)
		equal(t, name+": changed", changed, c.changed)
		equal(t, name+": the run before", c.before.Run, was)
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	last := planOf([]plan.Hook{hookOf("h", fleet.PreDelete)}, 0)
	kept := stateIn("kept", fleet.PostSync, agent.HookSucceeded, tidied)
	deleted := stateIn("deleted", fleet.PostSync, agent.HookSucceeded, tidied,
		func(h *agent.HookState) { h.Delete = []fleet.DeletePolicy{fleet.HookSucceeded} })
	hung := stateIn("hung", fleet.PostSync, agent.HookFailed, tidied, func(h *agent.HookState) { h.Hung = true })
	open := stateIn("open", fleet.PostSync, agent.HookSucceeded)
	left := func(h agent.HookState) agent.HookState {
		h.Over, h.Tidy, h.Remove = true, false, h.Hung
		return h
	}
	gone := func(r *agent.Run) { r.Leaving = true; r.ID, r.Digest, r.Home = "", "", "" }
	named := func(r *agent.Run) { r.Leaving, r.ID = true, plan.RunID(last) }
	before := runOf(withHooks(kept, deleted, hung, open))
	for name, c := range map[string]struct {
		before  Progress
		last    *plan.Plan
		prune   bool
		want    Progress
		changed bool
	}{
		"goes on":         {busyWith(runOf(leaving)), last, true, busyWith(runOf(leaving)), false},
		"nothing is left": {busyWith(runOf()), nil, true, Progress{}, false},
		"never had a run": {Progress{}, nil, true, Progress{}, false},
		"delete hooks":    {Progress{}, last, true, Progress{Run: runOf(named)}, true},
		"objects of hooks": {busyWith(before), nil, true, Progress{Run: runOf(gone, func(r *agent.Run) {
			r.Past, r.Last = []agent.HookState{left(hung), left(open)}, []agent.HookState{kept}
		})}, false},
		"one to wait for, and one to delete": {busyWith(runOf(withHooks(kept, open))), nil, true, Progress{Run: runOf(gone,
			func(r *agent.Run) { r.Past, r.Last = []agent.HookState{left(open)}, []agent.HookState{kept} })}, false},
		"they are kept": {busyWith(before), last, false, Progress{Run: runOf(named,
			func(r *agent.Run) { r.Past = []agent.HookState{left(hung), left(open)} })}, true},
		"kept, and none is left": {busyWith(runOf(withHooks(kept))), nil, false, Progress{}, false},
	} {
		was := c.before.Run.Clone()
		got, changed := c.before.Leave(c.last, c.prune, start)
		equal(t, name, got, c.want)
		equal(t, name+": changed", changed, c.changed)
		equal(t, name+": the run before", c.before.Run, was)
	}
}

func TestEnter(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{true, false} {
		p, was := planOf(nil, 0), runOf(func(r *agent.Run) { r.Applied, r.Done = ordered, ordered })
		if ordered {
			p = planOf(nil, 0, 1)
		}
		got := busyWith(was).Enter(p)
		equal(t, "entered", got, busyWith(runOf(func(r *agent.Run) {
			r.Entered, r.Applied, r.Done = true, !ordered,
				!ordered
		})))
		equal(t, "the run before", was.Entered, false)
	}
	equal(t, "no run", Progress{}.Enter(planOf(nil, 0)), Progress{})
}

func TestPartThatIsApplied(t *testing.T) {
	t.Parallel()
	p := planOf(nil, 0, 1)
	for name, c := range map[string]struct {
		run  *agent.Run
		want Part
	}{
		"no run":                {nil, Everything},
		"all waves are through": {runOf(entered, func(r *agent.Run) { r.Applied = true }), Everything},
		"its waves":             {runOf(entered), ByWave},
		"it is being prepared":  {runOf(func(r *agent.Run) { r.Applied = true }), Drifted},
		"another is prepared":   {runOf(entered, func(r *agent.Run) { r.Digest, r.Applied = "other", true }), Drifted},
		"the app was removed":   {runOf(entered, leaving), Drifted},
		"in another namespace":  {runOf(entered, func(r *agent.Run) { r.Home = "other" }), Drifted},
	} {
		equal(t, name, Progress{Run: c.run}.Part(p), c.want)
	}
}

// An answer changes the hook that it is for, in the run or in those before it, and no other.
func TestAnswers(t *testing.T) {
	t.Parallel()
	run := runOf(withHooks(stateIn("a", fleet.PreSync, agent.HookBegun), stateIn("b", fleet.PreSync, agent.HookBegun),
		stateIn("b", fleet.Sync, agent.HookRunning)),
		func(r *agent.Run) { r.Past = []agent.HookState{stateIn("p", fleet.Sync, agent.HookFailed, over)} })
	was, p := run.Clone(), busyWith(run)
	b := Key{mine, jobNamed("b")}
	created, e := p.Created(b)
	equal(t, "created", differences(run, created.Run), []string{"hook Job/shop/b 7.PreSync running"})
	equal(t, "its event", event(e), "event hook Job/shop/b PreSync: begun after 0ms")
	equal(t, "placed", differences(run, p.Placed(b).Run), []string{"hook Job/b 7.PreSync begun"})
	equal(t, "released", differences(run, p.Released(Key{"7.Sync", jobNamed("p")}).Run),
		[]string{"past Job/shop/p 7.Sync failed tidy", "no more past Job/shop/p 7.Sync failed over"})
	equal(t, "unknown", differences(run, p.Released(Key{"7.Sync", jobNamed("a")}).Run), []string(nil))
	explained, e := p.Explained(Explain{State: run.Hooks[2], Text: "late", Hung: true}, "; words", start.Add(minute))
	equal(t, "explained", differences(run, explained.Run), []string{"hook Job/shop/b 7.Sync failed hung: late; words"})
	equal(t, "its event", event(e), "event hook-failed Job/shop/b Sync: late; words after 60000ms")
	equal(t, "what they were made from", run, was)
	for name, q := range map[string]Progress{"created": created, "explained": explained} {
		if q.Step != p.Step || !q.Stuck || !q.Paused || len(q.paused) != 1 {
			t.Errorf("%s: the rest is %+v", name, q)
		}
	}
	equal(t, "unreleased", len(p.Released(b).Unreleased()), 3)
	equal(t, "of no run", Progress{}.Unreleased(), []agent.HookState(nil))
}
