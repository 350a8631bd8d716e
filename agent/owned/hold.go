package owned

import (
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// Hold is why one object is not deleted before a person approves it.
type Hold struct {
	Held  protocol.Held
	Next  time.Time // when it is looked at again
	pause backoff.Backoff
}

// Over says whether it is time to look again.
func (h *Hold) Over(now time.Time) bool { return h == nil || !now.Before(h.Next) }

// Due has it looked at again at once.
func (h *Hold) Due() {
	if h != nil {
		h.Next = time.Time{}
	}
}

// HoldBack takes down that the object is not deleted before a person approves, and says whether that is news.
func (o *Object) HoldBack(h protocol.Held, now time.Time) (news bool) {
	if o.Hold == nil {
		o.Hold = &Hold{pause: backoff.Backoff{Min: 10 * time.Second, Max: 2 * time.Minute}}
	}
	news = o.Hold.Held.ID != h.ID
	o.Hold.Held, o.Hold.Next, o.Trouble = h, now.Add(o.Hold.pause.Next()), nil
	return news
}
