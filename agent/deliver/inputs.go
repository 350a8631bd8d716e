package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// input is a ConfigMap or Secret of the cluster from which apps take variables or keys. It is watched by its name, by metadata alone.
type input struct {
	version uint64 // as the watch said last; 0 while the object is not there
	stop    context.CancelFunc
}

// lacking says that an input is not there. Nothing is tried again by itself: the watch tells when it is.
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

// attend sees to it that an input is watched. s.mu is held.
func (s *session) attend(ctx context.Context, ref protocol.VarsRef) {
	if s.inputs[ref] != nil || s.closed {
		return
	}
	following, stop := context.WithCancel(ctx)
	in := &input{stop: stop}
	s.inputs[ref] = in
	s.spawn(func() {
		s.cluster.Versions(following, ref, func(version uint64) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if following.Err() == nil && in.version != version {
				in.version = version
				s.supplied(ctx, ref)
			}
		})
	})
}

// neglect ends the watches of inputs that no app has any more. s.mu is held.
func (s *session) neglect() {
	for ref, in := range s.inputs {
		used := false
		for _, a := range s.apps {
			used = used || slices.Contains(inputsOf(a.spec.Handling, s.namespace), ref)
		}
		if !used {
			in.stop()
			delete(s.inputs, ref)
		}
	}
}

// supplied has the apps made anew that take something from an input that changed. s.mu is held.
func (s *session) supplied(ctx context.Context, ref protocol.VarsRef) {
	for _, a := range s.ordered() {
		if !slices.Contains(inputsOf(a.spec.Handling, s.namespace), ref) || a.leaving {
			continue
		}
		p := a.next
		if p == nil && a.plan.Same(a.spec) {
			p = a.plan
		}
		if p == nil || p.InputVersion(ref) != s.inputs[ref].version {
			s.remake(ctx, a)
		}
	}
}

// remake reads an app's blob and its inputs again. s.mu is held.
func (s *session) remake(ctx context.Context, a *app) {
	if a.spec.Blob == nil || plan.Unmet(a.spec) != "" {
		return
	}
	if a.stopGet != nil {
		a.stopGet()
	}
	s.obtain(ctx, a, s.accepted.bundle.Generation, nil)
}

// outdated says whether an input of a plan is known to have changed since the plan was made. s.mu is held.
func (s *session) outdated(p *plan.Plan) bool {
	for ref, version := range p.Inputs() {
		if in := s.inputs[ref]; in != nil && in.version > version {
			return true
		}
	}
	return false
}

// awaits says whether err is that an input is not there, so that there is nothing to do before the watch tells that it is. s.mu is held.
func (s *session) awaits(err error) bool {
	var gone *lacking
	if !errors.As(err, &gone) {
		return false
	}
	in := s.inputs[gone.ref]
	return in != nil && in.version == 0
}

// supply reads an input, with the rights of the app, and has it watched. A version of 0 says that it is not there.
func (s *session) supply(ctx context.Context, a *app, access agent.Access, ref protocol.VarsRef) (data map[string]string, version uint64, err error) {
	own := ref == plan.KeysOf(&protocol.Decryption{}, s.namespace)
	switch {
	case strings.ContainsAny(ref.Namespace+ref.Name, "/%?#") || ref.Namespace == "" || ref.Name == "":
		return nil, 0, fmt.Errorf("the %s has a name that cannot be: correct it in Git", ref)
	case !own && s.scope.Outside(protocol.ObjectRef{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}):
		return nil, 0, fmt.Errorf("the %s: %w", ref, s.scope.Failure())
	}
	s.mu.Lock()
	s.attend(s.life, ref)
	s.mu.Unlock()
	data, version, err = s.reach(access).Data(ctx, ref)
	if r := agent.ReasonOf(err); r == agent.ReasonMissing || r == agent.ReasonNamespace {
		return nil, 0, nil
	}
	if err = s.unpermitted(ctx, a, err); err != nil {
		return nil, 0, fmt.Errorf("read the %s: %w", ref, err)
	}
	return data, version, nil
}
