package app

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// noteEnd takes down how an object ended, and has it stored: it may be deleted the next moment.
func (a *App) noteEnd(ctx context.Context, o *owned.Object, live agent.Live, said string) {
	ours := live.UID != "" && live.UID == o.Item.UID || live.Fields == o.Item.Fields
	if live.Outcome == agent.OutcomeNone || o.Ended() || o.Item.Line == (agent.Sum{}) || !ours {
		return
	}
	o.Item.Ended = &agent.Ended{Line: o.Item.Line}
	if live.Outcome == agent.OutcomeFailed {
		o.Item.Ended.Failed = said
	}
	a.Dirty = true
	a.Kick()
}

// settleEnded is for an object that ended and is gone: there is nothing left to do for its content.
func (a *App) settleEnded(ctx context.Context, o *owned.Object) {
	before := o.Verdict.Health
	o.Removing, o.Drifted, o.Astray, o.Verdict = false, false, nil, o.Item.Ended.Verdict()
	if o.Pending() && o.Trouble != nil { // the old one may have been in the way of the new one
		o.Trouble.Next = time.Time{}
		a.Kick()
	}
	a.changed(ctx, o, before)
}

// unseenPause is how long the event of a Job's end may come after its deletion.
const unseenPause = time.Second

// unseenEnd asks how an object ended that was not seen to end, as while no agent ran, and says whether it does. The
// answer comes through missed.
func (a *App) unseenEnd(ctx context.Context, o *owned.Object, sg agent.Sighting) bool {
	uid := o.Item.UID
	if uid == "" || sg.Live.UID != "" || o.Asked == uid {
		return false
	}
	o.Asked = uid
	ref := o.Item.Ref
	a.Spawn(func() {
		completed, err := a.env.Cluster.Completed(ctx, ref, uid)
		if !completed && err == nil { // the event may be written a moment after the object is gone
			select {
			case <-ctx.Done():
			case <-time.After(unseenPause):
				completed, err = a.env.Cluster.Completed(ctx, ref, uid)
			}
		}
		if err != nil {
			a.env.Log.Debug("whether a Job completed before it was deleted cannot be read", "object", ref.String(), "err", err)
		}
		a.Do(func() {
			if o.Gone || o.Present || o.Want == nil || o.Item.UID != uid || ctx.Err() != nil {
				return
			}
			if completed {
				a.noteEnd(ctx, o, agent.Live{UID: uid, Outcome: agent.OutcomeCompleted}, "")
			}
			a.missed(ctx, o, sg)
			a.Kick()
		})
	})
	return true
}

// runUID is the uid of an object of which it can be asked later whether it completed.
func runUID(ref protocol.ObjectRef, live agent.Live) string {
	if ref.Group == "batch" && ref.Kind == "Job" {
		return live.UID
	}
	return ""
}
