package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// ended says whether the object has run for the content that was applied last.
func (o *object) ended() bool {
	return o.item.Ended != nil && o.item.Line != (agent.Sum{}) && o.item.Ended.Line == o.item.Line
}

// over says whether the object has run for the content that was applied last, and is gone.
func (o *object) over() bool { return o.ended() && !o.present }

// noteEnd takes down how an object ended, and has it stored: it may be deleted the next moment.
func (a *app) noteEnd(ctx context.Context, o *object, live agent.Live, said string) {
	ours := live.UID != "" && live.UID == o.item.UID || live.Fields == o.item.Fields
	if live.Outcome == agent.OutcomeNone || o.ended() || o.item.Line == (agent.Sum{}) || !ours {
		return
	}
	o.item.Ended = &agent.Ended{Line: o.item.Line}
	if live.Outcome == agent.OutcomeFailed {
		o.item.Ended.Failed = said
	}
	a.dirty = true
	a.Kick()
}

// settleEnded is for an object that ended and is gone: there is nothing left to do for its content.
func (a *app) settleEnded(ctx context.Context, o *object) {
	before := o.verdict.Health
	o.removing, o.drifted, o.astray, o.verdict = false, false, nil, o.item.Ended.Verdict()
	if o.pending() && o.trouble != nil { // the old one may have been in the way of the new one
		o.trouble.next = time.Time{}
		a.Kick()
	}
	a.changed(ctx, o, before)
}

// unseenPause is how long the event of a Job's end may come after its deletion.
const unseenPause = time.Second

// unseenEnd asks how an object ended that was not seen to end, as while no agent ran, and says whether it does. The
// answer comes through missed.
func (a *app) unseenEnd(ctx context.Context, o *object, sg agent.Sighting) bool {
	uid := o.item.UID
	if uid == "" || sg.Live.UID != "" || o.asked == uid {
		return false
	}
	o.asked = uid
	ref := o.item.Ref
	a.Spawn(func() {
		completed, err := a.env.cluster.Completed(ctx, ref, uid)
		if !completed && err == nil { // the event may be written a moment after the object is gone
			select {
			case <-ctx.Done():
			case <-time.After(unseenPause):
				completed, err = a.env.cluster.Completed(ctx, ref, uid)
			}
		}
		if err != nil {
			a.env.log.Debug("whether a Job completed before it was deleted cannot be read", "object", ref.String(), "err", err)
		}
		a.Do(func() {
			if o.gone || o.present || o.want == nil || o.item.UID != uid || ctx.Err() != nil {
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
