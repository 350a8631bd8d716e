package app

import (
	"time"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// holdBack takes down that an object waits for a person.
func (a *App) holdBack(o *owned.Object, h protocol.Held) {
	if o.HoldBack(h, time.Now()) {
		ref := o.Item.Ref
		a.Emit(protocol.Event{Kind: protocol.EventHeld, App: a.Name, Object: &ref, Message: h.Message})
	}
	a.env.Out.Changed(true)
}
