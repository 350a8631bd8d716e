package prune

import (
	"time"

	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

// holdBack takes down that an object waits for a person.
func (p *Pruner) holdBack(o *owned.Object, h protocol.Held) {
	if o.HoldBack(h, time.Now()) {
		ref := o.Item.Ref
		p.Emit(protocol.Event{Kind: protocol.EventHeld, App: p.Name, Object: &ref, Message: h.Message})
	}
	p.News()
}
