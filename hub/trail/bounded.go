package trail

import (
	"fmt"

	"github.com/drover-dev/drover/protocol"
)

// What the hub keeps at hand of one event. The journal on the bus has it whole.
const (
	maxEventText   = 4 << 10 // bytes of each text
	maxEventFields = 50
)

// Bounded is an event as the hub keeps it at hand. What is cut off is said in its message.
func Bounded(e protocol.Event) protocol.Event {
	cut := func(s string) string {
		if len(s) <= maxEventText {
			return s
		}
		return fmt.Sprintf("%s … (%d more bytes are in the journal)", s[:maxEventText], len(s)-maxEventText)
	}
	e.Message, e.By, e.App, e.Revision, e.Declared = cut(e.Message), cut(e.By), cut(e.App), cut(e.Revision),
		cut(e.Declared)
	if len(e.Fields) > maxEventFields {
		e.Message += fmt.Sprintf(" (%d more fields are in the journal)", len(e.Fields)-maxEventFields)
		e.Fields = e.Fields[:maxEventFields:maxEventFields]
	}
	fields := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = cut(f)
	}
	if e.Fields != nil {
		e.Fields = fields
	}
	if o := e.Object; o != nil {
		small := protocol.ObjectRef{Group: cut(o.Group), Kind: cut(o.Kind), Namespace: cut(o.Namespace), Name: cut(o.Name)}
		e.Object = &small
	}
	return e
}
