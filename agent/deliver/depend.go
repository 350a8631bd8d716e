package deliver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// free says whether all is current that an object is applied after. If not, the object says so, and its app is woken when that changes.
// An object that was applied before and drifted is not held back. s.mu is held.
func (s *session) free(a *app, o *object) bool {
	o.held, o.heldForGood = "", false
	if len(o.want.After) == 0 || !o.pending() {
		return true
	}
	for _, ref := range o.want.After {
		other := s.all[ref]
		switch {
		case other == nil || other.want == nil:
			o.held, o.heldForGood = fmt.Sprintf("it is to be applied after %s, which no app of this cluster has: add it to Git, or take the annotation away", ref), true
		case other.app == a && other.want.Wave > o.want.Wave:
			o.held, o.heldForGood = fmt.Sprintf("it is to be applied after %s, which is in a later wave: change the wave of one of them", ref), true
		case other.current():
			continue
		default:
			o.held = fmt.Sprintf("it waits for %s, which %s", ref, stateOf(other))
			if c := fleet.Circle(o.item.Ref, s.after); c != nil {
				o.held, o.heldForGood = "it is to be applied after itself ("+way(c)+"): take one of these annotations away", true
			}
		}
		if !slices.Contains(s.waiters[ref], a) {
			s.waiters[ref] = append(s.waiters[ref], a)
		}
		return false
	}
	return true
}

// after is what an object is applied after, as far as it still is to be. s.mu is held.
func (s *session) after(ref protocol.ObjectRef) []protocol.ObjectRef {
	if o := s.all[ref]; o != nil && o.want != nil {
		return o.want.After
	}
	return nil
}

func stateOf(o *object) string {
	p := o.problem()
	return "is " + string(p.Health) + ": " + p.Message
}

func way(c []protocol.ObjectRef) string {
	names := make([]string, len(c))
	for i, ref := range c {
		names[i] = ref.String()
	}
	return strings.Join(names, " → ")
}

// wake has the apps looked at that have objects which are applied after another one. s.mu is held.
func (s *session) wake(ctx context.Context, ref protocol.ObjectRef) {
	if len(s.waiters) == 0 {
		return
	}
	waiting := s.waiters[ref]
	delete(s.waiters, ref)
	for _, a := range waiting {
		if s.apps[a.name] == a {
			s.kick(ctx, a)
		}
	}
}

// holds says whether objects of an app wait for others that are current by now.
func (s *session) holds(ctx context.Context, a *app) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(a.own, func(o *object) bool {
		return o.held != "" && o.want != nil && ctx.Err() == nil && s.free(a, o)
	})
}

// heldForGood is the first object that can never be applied, as what it is applied after is in Git; nil if there is none.
func (a *app) heldForGood() *object {
	for _, o := range a.own {
		if o.want != nil && o.heldForGood {
			return o
		}
	}
	return nil
}
