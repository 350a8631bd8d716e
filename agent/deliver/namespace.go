package deliver

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

var namespaces = agent.Resource{Version: "v1", Kind: "Namespace", Plural: "namespaces"}

// ground sees to what comes before the app's objects, and says whether the app can go on. The watch of autoscalers begins, so that nothing has to
// wait for it later.
func (s *session) ground(ctx context.Context, a *app, p *plan.Plan) bool {
	s.mu.Lock()
	for _, o := range a.own {
		if o.want != nil && o.want.HasReplicas && o.pending() {
			s.followScalers(ctx, o.item.Ref.Namespace)
		}
	}
	s.mu.Unlock()
	return s.house(ctx, a, p)
}

// house sees to it that the app's namespace is there, if the app asks for that, and says whether the app can go on. The namespace is in no
// inventory, so it is never deleted. Its labels and annotations are applied under a field manager of the app's own: other apps may
// ask for the same namespace, or have it in Git.
func (s *session) house(ctx context.Context, a *app, p *plan.Plan) bool {
	s.mu.Lock()
	request := a.specOf(p).CreateNamespace
	ref := protocol.ObjectRef{Kind: "Namespace", Name: p.Home}
	if request == nil || p.Home == "" || p.Wanted(ref) {
		s.mu.Unlock()
		return true
	}
	body := namespaceBody(p.Home, *request)
	if a.housed == string(body) && !a.homeless() {
		s.mu.Unlock()
		return true
	}
	s.mu.Unlock()
	_, err := s.objects(a).Apply(ctx, namespaces, ref, agent.Patch{Line: body, Manager: agent.Manager + "-namespace-" + a.name})
	if agent.ReasonOf(err) == agent.ReasonForbidden && len(request.Labels)+len(request.Annotations) == 0 {
		if _, getErr := s.objects(a).Get(ctx, namespaces, ref); getErr == nil || len(s.scope) > 0 {
			err = nil // it is there, or whoever gave the agent its scope knows: nothing else was asked for
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.faulted(ctx, a, fmt.Errorf("create its namespace %s: %w", p.Home, err))
		return false
	}
	a.housed = string(body)
	return true
}

func namespaceBody(name string, r protocol.NamespaceRequest) []byte {
	meta := map[string]any{"name": name}
	if len(r.Labels) > 0 {
		meta["labels"] = r.Labels
	}
	if len(r.Annotations) > 0 {
		meta["annotations"] = r.Annotations
	}
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
	if err != nil {
		panic("agent: a namespace that is not JSON: " + err.Error()) // strings only: cannot happen
	}
	return body
}

// homeless says whether the app's namespace went away. The session's mutex is held.
func (a *app) homeless() bool {
	for _, o := range a.own {
		if o.trouble == nil {
			continue
		}
		if r := agent.ReasonOf(o.trouble.err); r == agent.ReasonNamespace || r == agent.ReasonNamespaceEnding {
			return true
		}
	}
	return false
}
