package deliver

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// steer takes over what the plan in force steers. What is yet to be pruned goes on steering. s.mu is held.
func (s *session) steer(ctx context.Context, a *app) {
	before := a.steers
	a.steers = slices.Clone(a.plan.Steers())
	for _, st := range before {
		if !a.plan.Steering(st.By) && s.steering(a, st) {
			a.steers = append(a.steers, st)
		}
	}
	s.resteer(ctx)
}

// steering says whether an app still steers something. s.mu is held.
func (s *session) steering(a *app, st plan.Steer) bool {
	o := s.all[st.By]
	return o != nil && o.app == a || a.plan.Steering(st.By)
}

// eachSteered goes through the fields that are left to controllers. s.mu is held.
func (s *session) eachSteered(do func(protocol.Ignored)) {
	for _, a := range s.apps {
		for _, st := range a.steers {
			if !s.steering(a, st) {
				continue
			}
			for _, f := range st.Fields {
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
		if o.want == nil || o.left() || o.item.Fields == (agent.Sum{}) || !targets[ref] && len(o.item.Steered) == 0 {
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
			if o := s.all[st.By]; st.Within > 0 && st.Target == changed && o != nil && s.steering(a, st) {
				o.unnoticed = unnoticed{changed, time.Now().Add(st.Within)}
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
