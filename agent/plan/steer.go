package plan

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Steer is an object whose controller writes fields of other objects, see fleet.Steered. The fields are left to the
// controller as long as the app has the object, or the cluster still has it. A controller that no object names cannot
// be recognized before it first writes.
type Steer struct {
	By     protocol.ObjectRef
	Fields []protocol.Ignored
	Target protocol.ObjectRef // see fleet.Followed
	Within time.Duration
}

// steersOf reads which fields an object of an app steers, if it steers any.
func steersOf(home string, ref protocol.ObjectRef, spec []byte) []Steer {
	if !fleet.Steers(ref) {
		return nil
	}
	ref.Namespace = namespaceOf(ref, true, home)
	fields := fleet.Steered(ref, spec)
	if len(fields) == 0 {
		return nil
	}
	st := Steer{By: ref, Fields: fields}
	st.Target, st.Within = fleet.Followed(ref, spec)
	return []Steer{st}
}

// Steering reports whether the plan has an object that steers others.
func (p *Plan) Steering(by protocol.ObjectRef) bool {
	return p != nil && slices.ContainsFunc(p.steers, func(st Steer) bool { return st.By == by })
}
