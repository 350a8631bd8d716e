package hookrun

import (
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// lookout is what is seen of the object of a hook.
type lookout struct {
	claim      uint64 // by which it is the app's; 0 if another app has a hook of this name
	apiVersion string
	version    uint64
	there      bool // there is an object
	gone       bool // there was one
	deleting   bool
	mark       string // which run it was made for
	verdict    fleet.Verdict
	trouble    *owned.Trouble // why it could not be made, or taken away
	failed     string         // the mark of the run that trouble is of
}

// lookouts are those of an app's hooks that are under way.
type lookouts struct {
	app string
	env *Env
	at  map[protocol.ObjectRef]*lookout
}

// noteTrouble takes down why a request for the object failed.
func (l *lookout) noteTrouble(err error, now time.Time) {
	if l.trouble == nil {
		l.trouble = owned.NewTrouble()
	}
	l.trouble.Note(err, now)
}

// seen is what hook.Next is told of the object.
func (l *lookout) seen() hook.Seen {
	s := hook.Seen{There: l.there, Gone: l.gone, Deleting: l.deleting, Mark: l.mark, Verdict: l.verdict, Failed: l.failed}
	if t := l.trouble; t != nil {
		s.Trouble = &hook.Trouble{Text: t.Err.Error(), Next: t.Next, Final: t.Final}
	}
	return s
}

// seen is what is seen of the objects of all hooks that are under way.
func (h *lookouts) seen() map[protocol.ObjectRef]hook.Seen {
	out := make(map[protocol.ObjectRef]hook.Seen, len(h.at))
	for ref, l := range h.at {
		out[ref] = l.seen()
	}
	return out
}

// follow looks at the objects of the hooks that are not released, and no longer at those of others.
func (h *Runner) follow() {
	list := h.Unreleased()
	unreleased := make(map[protocol.ObjectRef]bool, len(list))
	for _, st := range list {
		unreleased[st.Ref] = true
		h.lookOut(st.Ref, st.APIVersion)
	}
	for ref := range h.at {
		if !unreleased[ref] {
			h.drop(ref)
		}
	}
}

// lookOut begins to look at the object of a hook.
func (h *lookouts) lookOut(ref protocol.ObjectRef, apiVersion string) *lookout {
	l := h.at[ref]
	if l == nil {
		l = &lookout{apiVersion: apiVersion, verdict: owned.Unseen}
		h.at[ref] = l
	}
	if l.claim == 0 {
		answer := h.env.Claims.Claim(h.app, ref, func(string) bool { return true })
		if l.claim = answer.Number; answer.Claim == inventory.Free {
			h.env.Watches.Track(ref)
		}
	}
	return l
}

// drop ends that.
func (h *lookouts) drop(ref protocol.ObjectRef) {
	if l := h.at[ref]; l != nil {
		delete(h.at, ref)
		if h.env.Claims.Release(ref, l.claim) {
			h.env.Watches.Untrack(ref)
		}
	}
}

// Drop is for an app of which nothing is left.
func (h *lookouts) Drop() {
	for ref := range h.at {
		h.drop(ref)
	}
}

// Sight takes what a watch tells of an object, and says whether it is that of a hook.
func (h *Runner) Sight(sg agent.Sighting) bool {
	l := h.at[sg.Live.Ref]
	if l != nil {
		h.see(l, sg)
	}
	return l != nil
}

func (h *Runner) see(l *lookout, sg agent.Sighting) {
	if sg.Live.Version < l.version {
		return
	}
	l.version = sg.Live.Version
	if sg.Kind == agent.SightGone {
		l.there, l.gone = false, true
		if l.trouble != nil {
			l.trouble.Next = time.Time{} // what was in the way may be gone
		}
	} else {
		l.there, l.gone, l.deleting, l.mark, l.verdict = true, false, sg.Live.Deleting, sg.Live.HookRun, sg.Verdict
	}
	h.c.Actor.Kick()
}

// Followed are the objects that are looked at, with the versions of their kinds.
func (h *lookouts) Followed() map[protocol.ObjectRef]string {
	out := make(map[protocol.ObjectRef]string, len(h.at))
	for ref, l := range h.at {
		out[ref] = l.apiVersion
	}
	return out
}

// Retry makes due at once what failed of objects of a group, and says whether there is any.
func (h *lookouts) Retry(group string) (news bool) {
	for ref, l := range h.at {
		if l.trouble != nil && ref.Group == group {
			l.trouble.Next = time.Time{}
			news = true
		}
	}
	return news
}
