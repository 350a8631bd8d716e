package deliver

import (
	"errors"
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
		a.post(func() { a.supplied(ref, version) })
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

// outdated says whether an input of a plan is known to have changed since the plan was made.
func (s *session) outdated(p *plan.Plan) bool {
	for ref, taken := range p.Inputs() {
		if version, _ := s.inputs.Version(ref); version > taken {
			return true
		}
	}
	return false
}

// awaits says whether err is that an input is not there, so that there is nothing to do before the watch tells that it
// is.
func (s *session) awaits(err error) bool {
	var gone *input.Lacking
	if !errors.As(err, &gone) {
		return false
	}
	version, watched := s.inputs.Version(gone.Ref)
	return watched && version == 0
}

// supplied has the app read again if an input that it takes something from is another than the one it took.
func (a *app) supplied(ref protocol.VarsRef, version uint64) {
	if a.leaving || !slices.Contains(input.Of(a.spec.Handling, a.env.namespace), ref) {
		return
	}
	p := a.next
	if p == nil && a.plan.Same(a.spec) {
		p = a.plan
	}
	if p == nil || p.InputVersion(ref) != version {
		a.remake()
	}
}

// remake reads an app's blob and its inputs again.
func (a *app) remake() {
	if a.spec.Blob == nil || plan.Unmet(a.spec) != "" {
		return
	}
	a.fetch.stop()
	a.obtain(a.accepted.Bundle.Generation, nil)
}

// reader reads the inputs of apps.
func (s *session) reader() input.Reader {
	return input.Reader{Reach: s.reach, Plugins: s.plugins, Scope: s.scope, Namespace: s.namespace, Watch: s.inputs.Watch}
}
