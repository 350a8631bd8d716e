package sight

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
)

// noteEnd takes down how an object ended, and has it stored: it may be deleted the next moment.
func (s *Seer) noteEnd(ctx context.Context, o *owned.Object, live agent.Live, said string) {
	ours := live.UID != "" && live.UID == o.Item.UID || live.Fields == o.Item.Fields
	if live.Outcome == agent.OutcomeNone || o.Ended() || o.Item.Line == (agent.Sum{}) || !ours {
		return
	}
	o.Item.Ended = &agent.Ended{Line: o.Item.Line}
	if live.Outcome == agent.OutcomeFailed {
		o.Item.Ended.Failed = said
	}
	s.Dirty = true
	s.Kick()
}

// settleEnded is for an object that ended and is gone: there is nothing left to do for its content.
func (s *Seer) settleEnded(ctx context.Context, o *owned.Object) {
	before := o.Verdict.Health
	o.Removing, o.Drifted, o.Astray, o.Verdict = false, false, nil, o.Item.Ended.Verdict()
	if o.Pending() && o.Trouble != nil { // the old one may have been in the way of the new one
		o.Trouble.Next = time.Time{}
		s.Kick()
	}
	s.Changed(ctx, o, before)
}

// unseenPause is how long the event of a Job's end may come after its deletion.
const unseenPause = time.Second

// unseenEnd asks how an object ended that was not seen to end, as while no agent ran, and says whether it does. The
// answer comes through missed.
func (s *Seer) unseenEnd(ctx context.Context, o *owned.Object, sg agent.Sighting) bool {
	uid := o.Item.UID
	if uid == "" || sg.Live.UID != "" || o.Asked == uid {
		return false
	}
	o.Asked = uid
	ref := o.Item.Ref
	s.Spawn(func() {
		completed, err := s.Jobs.Completed(ctx, ref, uid)
		if !completed && err == nil { // the event may be written a moment after the object is gone
			select {
			case <-ctx.Done():
			case <-time.After(unseenPause):
				completed, err = s.Jobs.Completed(ctx, ref, uid)
			}
		}
		if err != nil {
			s.Log.Debug("whether a Job completed before it was deleted cannot be read", "object", ref.String(), "err", err)
		}
		s.Do(func() {
			if o.Gone || o.Present || o.Want == nil || o.Item.UID != uid || ctx.Err() != nil {
				return
			}
			if completed {
				s.noteEnd(ctx, o, agent.Live{UID: uid, Outcome: agent.OutcomeCompleted}, "")
			}
			s.missed(ctx, o, sg)
			s.Kick()
		})
	})
	return true
}
