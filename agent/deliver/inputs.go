package deliver

import (
	"slices"

	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// inputChanged has the apps that take something from an input look whether they have to be read again.
func (s *session) inputChanged(ref protocol.VarsRef, version uint64) {
	for _, a := range s.board.Where(func(e *board.Entry[*app]) bool {
		return !e.Order.Leaving && slices.Contains(input.Of(e.Order.Spec.Handling, s.namespace), ref)
	}) {
		a.Post(func() { a.supplied(ref, version) })
	}
}

// stopUnusedInputs ends the watches of inputs that no app has any more.
func (s *session) stopUnusedInputs(given map[string]orders.Order) {
	s.inputs.StopUnused(func(ref protocol.VarsRef) bool {
		for _, o := range given {
			if slices.Contains(input.Of(o.Spec.Handling, s.namespace), ref) {
				return true
			}
		}
		return false
	})
}

// supplied has the app read again if an input that it takes something from is another than the one it took.
func (a *app) supplied(ref protocol.VarsRef, version uint64) {
	if a.Leaving || !slices.Contains(input.Of(a.Spec.Handling, a.env.namespace), ref) {
		return
	}
	p := a.Next
	if p == nil && a.Plan.Same(a.Spec) {
		p = a.Plan
	}
	if p == nil || p.InputVersion(ref) != version {
		a.remake()
	}
}

// remake reads an app's blob and its inputs again.
func (a *app) remake() {
	if a.Spec.Blob == nil || plan.Unmet(a.Spec) != "" {
		return
	}
	a.fetch.Stop()
	a.obtain(a.Accepted.Bundle.Generation, nil)
}
