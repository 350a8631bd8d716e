package asks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/protocol"
)

const (
	// maxListed is how many objects of a kind in one namespace are looked through for owned ones.
	maxListed = 5000
	// maxDepth is how deep a tree is followed.
	maxDepth = 10
)

// ownedKinds are the kinds that are looked through for objects which others own. All of them are namespaced.
var ownedKinds = []agent.Resource{
	{Group: "apps", Version: "v1", Kind: "Deployment", Plural: "deployments", Namespaced: true},
	{Group: "apps", Version: "v1", Kind: "StatefulSet", Plural: "statefulsets", Namespaced: true},
	{Group: "apps", Version: "v1", Kind: "DaemonSet", Plural: "daemonsets", Namespaced: true},
	{Group: "batch", Version: "v1", Kind: "CronJob", Plural: "cronjobs", Namespaced: true},
	{Group: "apps", Version: "v1", Kind: "ReplicaSet", Plural: "replicasets", Namespaced: true},
	{Group: "batch", Version: "v1", Kind: "Job", Plural: "jobs", Namespaced: true},
	{Version: "v1", Kind: "PersistentVolumeClaim", Plural: "persistentvolumeclaims", Namespaced: true},
	{Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true},
}

// ownsNothing are kinds whose objects own none of ownedKinds: where an app has no others, nothing is listed.
var ownsNothing = []string{"/ConfigMap", "/Secret", "/Service", "/ServiceAccount", "/Namespace",
	"/PersistentVolumeClaim",
	"/LimitRange", "/ResourceQuota", "networking.k8s.io/Ingress", "networking.k8s.io/NetworkPolicy",
	"rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRole",
	"rbac.authorization.k8s.io/ClusterRoleBinding", "policy/PodDisruptionBudget", "autoscaling/HorizontalPodAutoscaler",
	"apiextensions.k8s.io/CustomResourceDefinition"}

// child is an object that another one owns.
type child struct {
	ref     protocol.ObjectRef
	verdict fleet.Verdict
}

// forest is an app's objects and what they own.
type forest struct {
	roots    []protocol.TreeNode
	children map[protocol.ObjectRef][]child // by owner
	pods     map[protocol.ObjectRef]any     // the spec of each
}

// tree answers with an app's objects and what they own.
func (d *answers) tree(ctx context.Context, q protocol.Question, w *writer) error {
	f, err := d.forest(ctx, q.App, w)
	if err != nil {
		return err
	}
	return f.walk(func(n protocol.TreeNode) error { return w.line(n) })
}

// wishes are the objects of an app.
func (d *answers) wishes(app string, lines bool) ([]agent.Wish, error) {
	if app == "" {
		return nil, refuse(protocol.AnswerNotFound, "which app? Name it as CLUSTER/APP")
	}
	wishes, known, err := d.apps.Wishes(app, lines)
	if err == nil && !known {
		err = refuse(protocol.AnswerNotFound, "the agent does not have app %s (yet): `drover status %s` shows those that "+
			"it has", app,
			d.cluster)
	}
	return wishes, err
}

// forest reads what the objects of an app own. What cannot be listed is said in the tree.
func (d *answers) forest(ctx context.Context, app string, w *writer) (*forest, error) {
	wishes, err := d.wishes(app, false)
	if err != nil {
		return nil, err
	}
	f := &forest{children: map[protocol.ObjectRef][]child{}, pods: map[protocol.ObjectRef]any{}}
	var namespaces []string
	for _, o := range wishes {
		n := protocol.TreeNode{Object: o.Ref, Health: o.Verdict.Health, Message: brief(o.Verdict.Message)}
		if n.Missing = !o.Present; n.Missing {
			n.Health, n.Message = protocol.HealthUnknown, "it is not in the cluster"
		}
		f.roots = append(f.roots, n)
		owns := !slices.Contains(ownsNothing, o.Ref.Group+"/"+o.Ref.Kind)
		if owns && o.Ref.Namespace != "" && !slices.Contains(namespaces, o.Ref.Namespace) {
			namespaces = append(namespaces, o.Ref.Namespace)
		}
	}
	order.Sort(f.roots, func(a, b protocol.TreeNode) int { return a.Object.Compare(b.Object) })
	for _, ns := range namespaces {
		for _, res := range ownedKinds {
			if err := d.list(ctx, f, res, ns, w); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// list reads the objects of a kind that others own.
func (d *answers) list(ctx context.Context, f *forest, res agent.Resource, namespace string, w *writer) error {
	more, err := d.reader.List(ctx, res, namespace, maxListed, func(raw json.RawMessage) {
		o, err := decode(raw)
		if err != nil {
			return
		}
		m := metaOf(o)
		o["apiVersion"], o["kind"] = res.APIVersion(), res.Kind // which lists leave out
		c := child{ref: protocol.ObjectRef{Group: res.Group, Kind: res.Kind, Namespace: m.Namespace, Name: m.Name},
			verdict: fleet.ObjectHealth(o)}
		if res.Kind == "Pod" {
			f.pods[c.ref] = o["spec"]
		}
		for _, owner := range m.OwnerReferences {
			of := protocol.ObjectRef{Group: fleet.GroupOf(owner.APIVersion), Kind: owner.Kind, Namespace: m.Namespace,
				Name: owner.Name}
			f.children[of] = append(f.children[of], c)
		}
	})
	if agent.ReasonOf(err) == agent.ReasonForbidden || agent.ReasonOf(err) == agent.ReasonKind {
		w.leaveOutOf(fmt.Sprintf("the agent may not list %s in namespace %s, so what they are owned by is not shown: %v",
			res.Plural, namespace, err))
		return nil
	}
	if more {
		w.leaveOutOf(fmt.Sprintf("namespace %s has more than %d %s; the rest was not looked through", namespace, maxListed,
			res.Plural))
	}
	return err
}

// walk visits every node, owners first.
func (f *forest) walk(visit func(protocol.TreeNode) error) error {
	seen := map[protocol.ObjectRef]bool{}
	for _, root := range f.roots {
		seen[root.Object] = true // an app may have an object that another of its objects owns
	}
	for _, root := range f.roots {
		if err := visit(root); err != nil {
			return err
		}
		if err := f.below(root.Object, 1, seen, visit); err != nil {
			return err
		}
	}
	return nil
}

// below visits what an object owns.
func (f *forest) below(owner protocol.ObjectRef, depth int, seen map[protocol.ObjectRef]bool,
	visit func(protocol.TreeNode) error,
) error {
	children := f.children[owner]
	order.Sort(children, func(a, b child) int { return a.ref.Compare(b.ref) })
	for _, c := range children {
		if seen[c.ref] || depth > maxDepth {
			continue
		}
		seen[c.ref] = true
		n := protocol.TreeNode{Object: c.ref, Depth: depth, Health: c.verdict.Health, Message: brief(c.verdict.Message)}
		if err := visit(n); err != nil {
			return err
		}
		if err := f.below(c.ref, depth+1, seen, visit); err != nil {
			return err
		}
	}
	return nil
}
