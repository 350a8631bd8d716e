package deliver

import (
	"time"

	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

// hold is why one object is not deleted before a person approves it.
type hold struct {
	held  protocol.Held
	next  time.Time // when it is looked at again
	pause backoff.Backoff
}

// over says whether it is time to look again.
func (h *hold) over(now time.Time) bool { return h == nil || !now.Before(h.next) }

// due has it looked at again at once.
func (h *hold) due() {
	if h != nil {
		h.next = time.Time{}
	}
}

// holdBack takes down that an object waits for a person.
func (a *app) holdBack(o *object, h protocol.Held) {
	if o.hold == nil {
		o.hold = &hold{pause: backoff.Backoff{Min: 10 * time.Second, Max: 2 * time.Minute}}
	}
	if o.hold.held.ID != h.ID {
		ref := o.item.Ref
		a.emit(protocol.Event{Kind: protocol.EventHeld, App: a.name, Object: &ref, Message: h.Message})
	}
	o.hold.held, o.hold.next, o.trouble = h, time.Now().Add(o.hold.pause.Next()), nil
	a.env.out.Changed(true)
}
