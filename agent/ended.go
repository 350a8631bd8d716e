package agent

import (
	"context"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Outcome is how an object that runs once, such as a Job, has ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeNone      Outcome = iota // it has not ended, or is of a kind that does not end
	OutcomeCompleted                // it completed
	// OutcomeFailed: it failed for good, and asks to be deleted after that. A Job that failed and does not ask for that
	// is recreated when somebody deletes it, which is how people run it again.
	OutcomeFailed
)

// Ended says that an object has run for its content. Its deletion afterwards, by whomever, is no drift.
type Ended struct {
	Line   Sum    `json:"line"`             // that was applied when it ended
	Failed string `json:"failed,omitempty"` // how, if it failed
}

// ended says whether the object has run for the content that was applied last.
func (o *object) ended() bool {
	return o.item.Ended != nil && o.item.Line != (Sum{}) && o.item.Ended.Line == o.item.Line
}

// over says whether the object has run for the content that was applied last, and is gone.
func (o *object) over() bool { return o.ended() && !o.present }

// noteEnd takes down how an object ended, and has it stored: it may be deleted the next moment. s.mu is held.
func (s *session) noteEnd(ctx context.Context, o *object, live Live, said string) {
	ours := live.UID != "" && live.UID == o.item.UID || live.Fields == o.item.Fields
	if live.Outcome == OutcomeNone || o.ended() || o.item.Line == (Sum{}) || !ours {
		return
	}
	o.item.Ended = &Ended{Line: o.item.Line}
	if live.Outcome == OutcomeFailed {
		o.item.Ended.Failed = said
	}
	o.app.dirty = true
	s.kick(ctx, o.app)
}

// verdict is the health of an object that ended and was deleted.
func (e *Ended) verdict() fleet.Verdict {
	if e.Failed != "" {
		return fleet.Verdict{Health: protocol.HealthDegraded,
			Message: e.Failed + "; it was deleted since, as its ttlSecondsAfterFinished asks, and runs again when it changes in Git"}
	}
	return fleet.Verdict{Health: protocol.HealthCurrent, Message: "it completed, and was deleted since"}
}

// settleEnded is for an object that ended and is gone: there is nothing left to do for its content. s.mu is held.
func (s *session) settleEnded(ctx context.Context, o *object) {
	before := o.verdict.Health
	o.removing, o.drifted, o.astray, o.verdict = false, false, nil, o.item.Ended.verdict()
	if o.pending() && o.trouble != nil { // the old one may have been in the way of the new one
		o.trouble.next = time.Time{}
		s.kick(ctx, o.app)
	}
	s.changed(ctx, o, before)
}

// unseenPause is how long the event of a Job's end may come after its deletion.
const unseenPause = time.Second

// unseenEnd asks how an object ended that was not seen to end, as while no agent ran, and says whether it does. The
// answer comes through missed. s.mu is held.
func (s *session) unseenEnd(ctx context.Context, o *object, sg Sighting) bool {
	uid := o.item.UID
	if uid == "" || sg.Live.UID != "" || o.asked == uid {
		return false
	}
	o.asked = uid
	ref := o.item.Ref
	s.spawn(func() {
		completed, err := s.cluster.Completed(ctx, ref, uid)
		if !completed && err == nil { // the event may be written a moment after the object is gone
			select {
			case <-ctx.Done():
			case <-time.After(unseenPause):
				completed, err = s.cluster.Completed(ctx, ref, uid)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.log.Debug("whether a Job completed before it was deleted cannot be read", "object", ref.String(), "err", err)
		}
		if o.present || o.want == nil || o.item.UID != uid || ctx.Err() != nil {
			return
		}
		if completed {
			s.noteEnd(ctx, o, Live{UID: uid, Outcome: OutcomeCompleted}, "")
		}
		s.missed(ctx, o, sg)
		s.kick(ctx, o.app)
	})
	return true
}

// runUID is the uid of an object of which it can be asked later whether it completed.
func runUID(ref protocol.ObjectRef, live Live) string {
	if ref.Group == "batch" && ref.Kind == "Job" {
		return live.UID
	}
	return ""
}
