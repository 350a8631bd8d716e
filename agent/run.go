package agent

import (
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
	// Back: it goes back to earlier content, with the hooks for that and without those that lead to a revision.
	Back bool `json:"back,omitempty"`
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

// Ended says whether a hook has ended, well or not.
func (h *HookState) Ended() bool { return h.Stage == HookSucceeded || h.Stage == HookFailed }

// Doomed says whether the hook's object is to be deleted when its phase is over.
func (h *HookState) Doomed() bool {
	return h.Remove || h.Stage == HookSucceeded && slices.Contains(h.Delete, fleet.HookSucceeded) ||
		h.Stage == HookFailed && slices.Contains(h.Delete, fleet.HookFailed)
}

// Open says whether there is something left to do.
func (r *Run) Open() bool { return r != nil && !r.Done }

// Before is the phase of the hooks that are done before anything is applied.
func (r *Run) Before() fleet.HookPhase {
	if r.Back {
		return fleet.PreRollback
	}
	return fleet.PreSync
}

// After is the phase of the hooks that are done when everything is applied and healthy.
func (r *Run) After() fleet.HookPhase {
	if r.Back {
		return fleet.PostRollback
	}
	return fleet.PostSync
}

// Failed is the hook that ended the run, and why.
func (r *Run) Failed() string {
	if r == nil {
		return ""
	}
	return r.Failure
}

// Ahead says whether the run is of content that came after what is in force, or before there was any.
func (r *Run) Ahead() bool { return r != nil && !r.Entered && !r.Leaving }

// Leftovers are the hooks of a run of which there is something left to take away. What has not ended is cancelled.
func (r *Run) Leftovers() []HookState {
	if r == nil {
		return nil
	}
	out := slices.Clone(r.Past) // append must not write to it
	for _, h := range r.Hooks {
		if h.Tidy && !h.Hung {
			continue
		}
		if !h.Ended() {
			h.Hung, h.Stage, h.Message = true, HookFailed, "a newer revision came"
		}
		h.Over, h.Tidy, h.Remove = true, false, h.Hung
		out = append(out, h)
	}
	return out
}

// State is that of a hook in a phase of the run, if it was begun.
func (r *Run) State(mark string, ref protocol.ObjectRef) *HookState {
	for i := range r.Hooks {
		if h := &r.Hooks[i]; h.Mark == mark && h.Ref == ref {
			return h
		}
	}
	return nil
}

// Mark is what the objects of a phase's hooks are marked with.
func (r *Run) Mark(phase fleet.HookPhase) string { return r.ID + "." + string(phase) }

// Close notes that a phase is over.
func (r *Run) Close(phase fleet.HookPhase) (changed bool) {
	for i := range r.Hooks {
		if h := &r.Hooks[i]; h.Phase == phase && !h.Over {
			h.Over, changed = true, true
		}
	}
	return changed
}

// Clone is a copy that does not change any more.
func (r *Run) Clone() *Run {
	if r == nil {
		return nil
	}
	c := *r
	c.Hooks, c.Past, c.Last = slices.Clone(r.Hooks), slices.Clone(r.Past), slices.Clone(r.Last)
	return &c
}

// Untidy are the hooks whose objects are to be taken away, or let go.
func (r *Run) Untidy() (out []*HookState) {
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
