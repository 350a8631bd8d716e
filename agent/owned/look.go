package owned

import (
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent/watch"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Look is a search for the cause why an object is not healthy, and what it has found.
type Look struct {
	*watch.Look
	Looks      *watch.Looks
	Generation int64 // of the object; the cause is of no other
	Degraded   bool  // the object was when the look began
	Cause      fleet.Cause
}

// Health is the object's, with the cause that a look has found.
func (o *Object) Health() fleet.Verdict {
	switch l := o.Look; {
	case o.Verdict.Health == protocol.HealthCurrent && o.Unnoticed.Open():
		return o.Unnoticed.verdict()
	case l == nil:
		return o.Verdict
	case o.Verdict.Health == protocol.HealthDegraded && l.Looks.First(l.Look):
		// which takes a moment, and makes the event that tells of it worth reading
		return fleet.Verdict{Health: protocol.HealthProgressing, Message: o.Verdict.Message}
	default:
		return o.Verdict.Because(l.Cause)
	}
}

// Unlook ends the look into the object.
func (o *Object) Unlook() {
	if l := o.Look; l != nil {
		o.Look = nil
		l.Looks.Forget(l.Look)
	}
}

// Unnoticed is a change that the controller of an object has yet to notice: until then what the object says of itself
// is old.
type Unnoticed struct {
	Of    protocol.ObjectRef
	Until time.Time // when it must have
}

// Open says whether the change is yet to be noticed.
func (u Unnoticed) Open() bool { return !u.Until.IsZero() && time.Now().Before(u.Until) }

func (u Unnoticed) verdict() fleet.Verdict {
	return fleet.Verdict{Health: protocol.HealthProgressing,
		Message: fmt.Sprintf("its controller has not seen the last change of %s yet", u.Of)}
}
