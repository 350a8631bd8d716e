package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// lacking says that an input is not there. There is no retry: the watch tells when it is.
type lacking struct {
	ref protocol.VarsRef
	use string
}

func (e *lacking) Error() string {
	return fmt.Sprintf("waits for the %s, from which it takes %s: make it in the cluster, or take it out of the app; what was applied before stays", e.ref, e.use)
}

// inputsOf are the objects from which an app takes variables and keys. namespace is the agent's own.
func inputsOf(h protocol.Handling, namespace string) (refs []protocol.VarsRef) {
	if h.Substitute != nil {
		for _, ref := range h.Substitute.From {
			ref.Optional = false
			refs = append(refs, ref)
		}
	}
	if h.Decrypt != nil {
		refs = append(refs, plan.KeysOf(h.Decrypt, namespace))
	}
	return refs
}

// inputChanged has the apps that take something from an input look whether they have to be read again.
func (s *session) inputChanged(ref protocol.VarsRef, version uint64) {
	for _, a := range s.board.where(func(e *entry) bool {
		return !e.order.Leaving && slices.Contains(inputsOf(e.order.Spec.Handling, s.namespace), ref)
	}) {
		a.post(func() { a.supplied(ref, version) })
	}
}

// stopUnusedInputs ends the watches of inputs that no app has any more.
func (s *session) stopUnusedInputs(given map[string]orders.Order) {
	s.inputs.StopUnused(func(ref protocol.VarsRef) bool {
		for _, o := range given {
			if slices.Contains(inputsOf(o.Spec.Handling, s.namespace), ref) {
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
	var gone *lacking
	if !errors.As(err, &gone) {
		return false
	}
	version, watched := s.inputs.Version(gone.ref)
	return watched && version == 0
}

// supplied has the app read again if an input that it takes something from is another than the one it took.
func (a *app) supplied(ref protocol.VarsRef, version uint64) {
	if a.leaving || !slices.Contains(inputsOf(a.spec.Handling, a.env.namespace), ref) {
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
	if a.stopGet != nil {
		a.stopGet()
	}
	a.obtain(a.accepted.Bundle.Generation, nil)
}

// supply reads an input, with the rights of the app, and has it watched. A version of 0 says that it is not there.
func (r request) supply(ctx context.Context, access agent.Access, ref protocol.VarsRef) (data map[string]string, version uint64, err error) {
	own := ref == plan.KeysOf(&protocol.Decryption{}, r.env.namespace)
	switch {
	case strings.ContainsAny(ref.Namespace+ref.Name, "/%?#") || ref.Namespace == "" || ref.Name == "":
		return nil, 0, fmt.Errorf("the %s has a name that cannot be: correct it in Git", ref)
	case !own && r.env.scope.Outside(protocol.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}):
		return nil, 0, fmt.Errorf("the %s: %w", ref, r.env.scope.Failure())
	}
	r.env.inputs.Watch(ref)
	data, version, err = r.env.reach(access).Data(ctx, ref)
	if k := agent.ReasonOf(err); k == agent.ReasonMissing || k == agent.ReasonNamespace {
		return nil, 0, nil
	}
	if err = r.unpermitted(ctx, err); err != nil {
		return nil, 0, fmt.Errorf("read the %s: %w", ref, err)
	}
	return data, version, nil
}
