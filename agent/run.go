package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Run is how far the delivery of one content of an app has come through its hooks and waves. It is stored with the app, so that another
// agent goes on where one ended.
type Run struct {
	ID      string `json:"id"`
	Digest  string `json:"digest"` // of the content, which goes to the namespace Home where it names none
	Home    string `json:"home,omitempty"`
	Install bool   `json:"install,omitempty"` // the app was not there before
	Leaving bool   `json:"leaving,omitempty"` // it is the taking away of the app
	// Entered: the content is in force. Before, it was only its PreSync hooks that were done.
	Entered bool        `json:"entered,omitempty"`
	Reached bool        `json:"reached,omitempty"` // a wave was begun: Wave
	Wave    int         `json:"wave,omitempty"`
	Since   time.Time   `json:"since,omitzero"`    // when it was begun; before, when the run was
	Applied bool        `json:"applied,omitempty"` // all waves are through
	Done    bool        `json:"done,omitempty"`    // there is nothing left to do
	Failure string      `json:"failure,omitempty"` // the hook that ended it, and why
	Hooks   []HookState `json:"hooks,omitempty"`
	Past    []HookState `json:"past,omitempty"` // of runs before this one, of which there is something left to take away
	Last    []HookState `json:"last,omitempty"` // of the last delivery of an app that leaves, whose objects are there: they go when all else has
}

// HookStage is how far a hook has come.
type HookStage string

// The stages of a hook.
const (
	HookBegun     HookStage = "begun"     // its object may have been made, or not
	HookRunning   HookStage = "running"   // its object was made
	HookSucceeded HookStage = "succeeded" // it ended well
	HookFailed    HookStage = "failed"    // it did not
)

// HookState is how far one hook has come.
type HookState struct {
	Ref        protocol.ObjectRef   `json:"ref"`
	APIVersion string               `json:"apiVersion"`
	Phase      fleet.HookPhase      `json:"phase"`
	Mark       string               `json:"mark"` // value of fleet.AnnotationHookRun on its object
	Delete     []fleet.DeletePolicy `json:"delete,omitempty"`
	Stage      HookStage            `json:"stage"`
	Since      time.Time            `json:"since"`
	Message    string               `json:"message,omitempty"` // why it failed
	Hung       bool                 `json:"hung,omitempty"`    // it failed because it took too long, and may still run
	Remove     bool                 `json:"remove,omitempty"`  // its object goes when its phase is over, whatever its policy is
	Over       bool                 `json:"over,omitempty"`    // its phase is; its object may be taken away
	Tidy       bool                 `json:"tidy,omitempty"`    // so that nothing is left to do
}

// hookWant is a hook as a plan wants it.
type hookWant struct {
	want
	hook     fleet.Hook
	generate string // the name is this and what makes it the run's own
}

// progress is what an app knows of its way through its run, beside the run itself.
type progress struct {
	run     *Run
	last    *plan      // of an app that leaves: what it was, if it has hooks for that
	step    fleet.Fact // what is waited for
	stuck   bool       // and will not come by itself
	paused  bool       // the wave that was begun is paused
	until   time.Time  // when to look again without being told; zero for never
	changes int        // objects that were changed since the plan came into force
}

// ended says whether a hook has ended, well or not.
func (h *HookState) ended() bool { return h.Stage == HookSucceeded || h.Stage == HookFailed }

// doomed says whether the hook's object is to be deleted when its phase is over.
func (h *HookState) doomed() bool {
	return h.Remove || h.Stage == HookSucceeded && slices.Contains(h.Delete, fleet.HookSucceeded) ||
		h.Stage == HookFailed && slices.Contains(h.Delete, fleet.HookFailed)
}

// is says whether the run delivers a plan.
func (r *Run) is(p *plan) bool {
	return r != nil && p != nil && !r.Leaving && r.Digest == p.digest && r.Home == p.home
}

// open says whether there is something left to do.
func (r *Run) open() bool { return r != nil && !r.Done }

// failure is the hook that ended the run, and why.
func (r *Run) failure() string {
	if r == nil {
		return ""
	}
	return r.Failure
}

// ahead says whether the run is of content that came after what is in force, or before there was any.
func (r *Run) ahead() bool { return r != nil && !r.Entered && !r.Leaving }

// leftovers are the hooks of a run of which there is something left to take away. What has not ended is cancelled.
func (r *Run) leftovers() []HookState {
	if r == nil {
		return nil
	}
	out := r.Past
	for _, h := range r.Hooks {
		if h.Tidy && !h.Hung {
			continue
		}
		if !h.ended() {
			h.Hung, h.Stage, h.Message = true, HookFailed, "a newer revision came"
		}
		h.Over, h.Tidy, h.Remove = true, false, h.Hung
		out = append(out, h)
	}
	return out
}

// state is that of a hook in a phase of the run, if it was begun.
func (r *Run) state(mark string, ref protocol.ObjectRef) *HookState {
	for i := range r.Hooks {
		if h := &r.Hooks[i]; h.Mark == mark && h.Ref == ref {
			return h
		}
	}
	return nil
}

// mark is what the objects of a phase's hooks are marked with.
func (r *Run) mark(phase fleet.HookPhase) string { return r.ID + "." + string(phase) }

// close notes that a phase is over.
func (r *Run) close(phase fleet.HookPhase) (changed bool) {
	for i := range r.Hooks {
		if h := &r.Hooks[i]; h.Phase == phase && !h.Over {
			h.Over, changed = true, true
		}
	}
	return changed
}

// ordered says whether the objects of the plan are applied in more than one step.
func (p *plan) ordered() bool { return len(p.hooks) > 0 || len(p.waves()) > 1 }

// waves are the waves that there are, in their order.
func (p *plan) waves() (out []int) {
	for i := range p.wants {
		if n := len(out); n == 0 || out[n-1] != p.wants[i].wave {
			out = append(out, p.wants[i].wave)
		}
	}
	for i := range p.hooks {
		if h := &p.hooks[i]; h.hook.In(fleet.Sync, true) && !slices.Contains(out, h.wave) {
			out = append(out, h.wave)
		}
	}
	slices.Sort(out)
	return out
}

// has says whether the plan has hooks for one of some phases in a run.
func (p *plan) has(install bool, phases ...fleet.HookPhase) bool {
	return p != nil && slices.ContainsFunc(p.hooks, func(h hookWant) bool {
		return slices.ContainsFunc(phases, func(f fleet.HookPhase) bool { return h.hook.In(f, install) })
	})
}

// hooked says whether an object is a hook of the plan.
func (p *plan) hooked(ref protocol.ObjectRef) bool {
	return p != nil && slices.ContainsFunc(p.hooks, func(h hookWant) bool { return h.ref == ref })
}

// deliverNext has the app's run be that of a plan which is about to be delivered. s.mu is held.
func (s *session) deliverNext(a *app, p *plan) {
	if a.run.is(p) {
		return
	}
	past := a.run.leftovers()
	a.step, a.stuck, a.until = fleet.Fact{}, false, time.Time{}
	if !p.ordered() && len(past) == 0 {
		a.run = nil
		return
	}
	a.run = &Run{ID: runID(p), Digest: p.digest, Home: p.home, Since: time.Now(), Past: past,
		Install: a.plan == nil && len(a.own) == 0 && !s.damaged}
	a.dirty = true
}

// depart has the app's run be the taking away of the app. s.mu is held.
func (s *session) depart(a *app) {
	if a.run != nil && a.run.Leaving {
		return
	}
	past := a.run.leftovers()
	var last []HookState
	if a.run != nil && a.spec.Prune {
		for _, h := range a.run.Hooks {
			if h.Tidy && !h.Hung && !h.doomed() {
				last = append(last, h)
			}
		}
	}
	a.step, a.stuck, a.until = fleet.Fact{}, false, time.Time{}
	if a.last == nil && len(past)+len(last) == 0 {
		a.run = nil
		return
	}
	a.run = &Run{Leaving: true, Since: time.Now(), Past: past, Last: last}
	if a.last != nil {
		a.run.ID, a.run.Digest, a.run.Home = runID(a.last), a.last.digest, a.last.home
		a.dirty = true
	}
}

// resume takes up a run as it was stored. s.mu is held.
func (s *session) resume(a *app, run *Run) {
	a.run = run
	if run == nil {
		return
	}
	a.fresh = run.Entered && !run.Applied
	for _, list := range [...][]HookState{run.Hooks, run.Past} {
		for i := range list {
			if h := &list[i]; !h.Tidy {
				s.lookOut(a, h.Ref, h.APIVersion)
			}
		}
	}
}

// clone is a copy that does not change any more.
func (r *Run) clone() *Run {
	if r == nil {
		return nil
	}
	c := *r
	c.Hooks, c.Past, c.Last = slices.Clone(r.Hooks), slices.Clone(r.Past), slices.Clone(r.Last)
	return &c
}

// untidy are the hooks whose objects are to be taken away, or let go.
func (r *Run) untidy() (out []*HookState) {
	if r == nil {
		return nil
	}
	for _, list := range [...][]HookState{r.Past, r.Hooks} {
		for i := range list {
			if h := &list[i]; h.Over && !h.Tidy {
				out = append(out, h)
			}
		}
	}
	return out
}

// runID names a run: no other of the app has the same.
func runID(p *plan) string {
	sum, _ := SumOf([]byte(p.digest + "\n" + p.home)).MarshalText() // never fails
	return fmt.Sprintf("%d-%s", p.generation, sum[:8])
}
