package pass

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

var namespaces = agent.Resource{Version: "v1", Kind: "Namespace", Plural: "namespaces"}

// Prepare does what comes before the app's objects, and says whether the app can go on. The watch of autoscalers
// begins, so that nothing has to wait for it later.
func (x *Applier) Prepare(ctx context.Context, p *plan.Plan) bool {
	for _, o := range x.Own {
		if o.Want != nil && o.Want.HasReplicas && o.Pending() {
			x.Scaling.Follow(o.Item.Ref.Namespace)
		}
	}
	return x.EnsureNamespace(ctx, p)
}

// EnsureNamespace creates the app's namespace, if the app asks for that, and says whether the app can go on. The
// namespace is in no inventory, so it is never deleted. Its labels and annotations are applied under a field manager
// of the app's own: other apps may ask for the same namespace, or have it in Git.
func (x *Applier) EnsureNamespace(ctx context.Context, p *plan.Plan) bool {
	request := x.SpecOf(p).CreateNamespace
	ref := protocol.ObjectRef{Kind: "Namespace", Name: p.Home}
	if request == nil || p.Home == "" || p.Wanted(ref) {
		return true
	}
	body := namespaceBody(p.Home, *request)
	if x.namespaceBodyApplied == string(body) && !x.Homeless() {
		return true
	}
	r := x.Request()
	var err error
	x.Await(ctx, func() { err = x.applyNamespace(ctx, r, ref, body, len(request.Labels)+len(request.Annotations) == 0) })
	if err != nil {
		x.Fault(ctx, fmt.Errorf("create its namespace %s: %w", p.Home, err))
		return false
	}
	x.namespaceBodyApplied = string(body)
	return true
}

// applyNamespace applies the app's namespace. plain says that nothing but the namespace is asked for.
func (x *Applier) applyNamespace(ctx context.Context, r access.Request, ref protocol.ObjectRef, body []byte,
	plain bool,
) error {
	manager := agent.Manager + "-namespace-" + r.Rights.App
	_, err := r.Objects.Apply(ctx, namespaces, ref, agent.Patch{Line: body, Manager: manager})
	if agent.ReasonOf(err) == agent.ReasonForbidden && plain {
		if _, getErr := r.Objects.Get(ctx, namespaces, ref); getErr == nil || len(x.Scope) > 0 {
			return nil // it is there, or the person who gave the agent its scope knows: nothing else was asked for
		}
	}
	return err
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
