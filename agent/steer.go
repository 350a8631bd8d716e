package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// steer is an object whose controller writes fields of other objects, see fleet.Steered. They are left to it as long
// as the app has it, or it is still in the cluster. A controller that nobody names is known by nothing that is seen
// before it first writes.
type steer struct {
	by     protocol.ObjectRef
	fields []protocol.Ignored
	target protocol.ObjectRef // see fleet.Followed
	within time.Duration
}

// steer reads what an object of the app steers, if it is such a one.
func (p *plan) steer(ref protocol.ObjectRef, spec []byte) {
	if !fleet.Steers(ref) {
		return
	}
	ref.Namespace = p.namespace(Resource{Namespaced: true}, ref)
	if fields := fleet.Steered(ref, spec); len(fields) > 0 {
		st := steer{by: ref, fields: fields}
		st.target, st.within = fleet.Followed(ref, spec)
		p.steers = append(p.steers, st)
	}
}

// steer takes over what the plan in force steers. What is yet to be pruned goes on steering. s.mu is held.
func (s *session) steer(ctx context.Context, a *app) {
	before := a.steers
	a.steers = slices.Clone(a.plan.steers)
	for _, st := range before {
		if !a.plan.steering(st.by) && s.steering(a, st) {
			a.steers = append(a.steers, st)
		}
	}
	s.resteer(ctx)
}

func (p *plan) steering(by protocol.ObjectRef) bool {
	return p != nil && slices.ContainsFunc(p.steers, func(st steer) bool { return st.by == by })
}

// steering says whether an app still steers something. s.mu is held.
func (s *session) steering(a *app, st steer) bool {
	o := s.all[st.by]
	return o != nil && o.app == a || a.plan.steering(st.by)
}

// eachSteered goes through the fields that are left to controllers. s.mu is held.
func (s *session) eachSteered(do func(protocol.Ignored)) {
	for _, a := range s.apps {
		for _, st := range a.steers {
			if !s.steering(a, st) {
				continue
			}
			for _, f := range st.fields {
				do(f)
			}
		}
	}
}

// steered are the fields of an object that are left to controllers. s.mu is held.
func (s *session) steered(ref protocol.ObjectRef) (paths []string) {
	s.eachSteered(func(f protocol.Ignored) {
		if f.Object == ref {
			paths = append(paths, f.Paths...)
		}
	})
	slices.Sort(paths)
	return slices.Compact(paths)
}

// resteer has those objects applied again of which other fields are left to controllers than when they were applied.
// s.mu is held.
func (s *session) resteer(ctx context.Context) {
	targets := map[protocol.ObjectRef]bool{}
	s.eachSteered(func(f protocol.Ignored) { targets[f.Object] = true })
	for ref, o := range s.all {
		if o.want == nil || o.left() || o.item.Fields == (Sum{}) || !targets[ref] && len(o.item.Steered) == 0 {
			continue
		}
		if !slices.Equal(o.item.Steered, s.steered(ref)) {
			o.again()
			s.kick(ctx, o.app)
		}
	}
}

// unnoticed is a change that the controller of an object has yet to notice: until then what the object says of itself
// is old.
type unnoticed struct {
	of    protocol.ObjectRef
	until time.Time // when it must have
}

// notice holds back the health of what follows an object that was changed. s.mu is held.
func (s *session) notice(ctx context.Context, changed protocol.ObjectRef) {
	for _, a := range s.apps {
		for _, st := range a.steers {
			if o := s.all[st.by]; st.within > 0 && st.target == changed && o != nil && s.steering(a, st) {
				o.unnoticed = unnoticed{changed, time.Now().Add(st.within)}
				s.kick(ctx, o.app)
			}
		}
	}
}

// open says whether the change is yet to be noticed.
func (u unnoticed) open() bool { return !u.until.IsZero() && time.Now().Before(u.until) }

func (u unnoticed) verdict() fleet.Verdict {
	return fleet.Verdict{Health: protocol.HealthProgressing,
		Message: fmt.Sprintf("its controller has not seen the last change of %s yet", u.of)}
}
