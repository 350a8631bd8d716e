package plan

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Steer is an object whose controller writes fields of other objects, see fleet.Steered. They are left to it as long
// as the app has it, or it is still in the cluster. A controller that nobody names is known by nothing that is seen
// before it first writes.
type Steer struct {
	By     protocol.ObjectRef
	Fields []protocol.Ignored
	Target protocol.ObjectRef // see fleet.Followed
	Within time.Duration
}

// steer reads what an object of the app steers, if it is such a one.
func (p *Plan) steer(ref protocol.ObjectRef, spec []byte) {
	if !fleet.Steers(ref) {
		return
	}
	ref.Namespace = p.namespace(agent.Resource{Namespaced: true}, ref)
	if fields := fleet.Steered(ref, spec); len(fields) > 0 {
		st := Steer{By: ref, Fields: fields}
		st.Target, st.Within = fleet.Followed(ref, spec)
		p.Steers = append(p.Steers, st)
	}
}

// Steering says whether the plan has the controller's object by, which steers others.
func (p *Plan) Steering(by protocol.ObjectRef) bool {
	return p != nil && slices.ContainsFunc(p.Steers, func(st Steer) bool { return st.By == by })
}
