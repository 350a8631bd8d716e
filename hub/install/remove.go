package install

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/drover-dev/drover/hub/manifest"
)

// Part is an object that installing an agent brought.
type Part struct {
	Kind, Namespace, Name string
}

// String gives Kind/namespace/name.
func (p Part) String() string {
	if p.Namespace == "" {
		return p.Kind + "/" + p.Name
	}
	return p.Kind + "/" + p.Namespace + "/" + p.Name
}

// partKinds are the kinds of the parts, in the order in which they are to be removed.
var partKinds = []string{"DaemonSet", "Deployment", "RoleBinding", "Role", "ClusterRoleBinding",
	"ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy", "NetworkPolicy", "Namespace"}

// Parts finds what installing an agent in namespace brought, in the order in which it is to be removed: the agent
// before its rights, so that it ends in order, and its namespace with all that is in it last. What the agent delivered
// is none of it.
func (c *Cluster) Parts(ctx context.Context, namespace string) ([]Part, error) {
	var all []Part
	for _, kind := range partKinds {
		list, err := c.api.Resource(kinds[kind]).List(ctx, metav1.ListOptions{LabelSelector: manifest.Label})
		if apierrors.IsNotFound(err) { // a kind that the cluster does not serve
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for what was installed: %w", explain(err, ""))
		}
		for _, o := range list.Items {
			p := Part{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
			switch kind {
			case "Namespace":
				if p.Name != namespace {
					continue
				}
			case "DaemonSet", "Deployment", "NetworkPolicy":
				if p.Namespace != namespace || p.Name != manifest.Name {
					continue
				}
			default:
				if p.Name != manifest.Name && p.Name != manifest.LeaderAccount {
					continue
				}
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// Remove deletes parts one after the other, and tells each when it is gone.
func (c *Cluster) Remove(ctx context.Context, parts []Part, tell func(Part)) error {
	for _, p := range parts {
		at := c.at(p.Kind, p.Namespace)
		foreground := metav1.DeletePropagationForeground // gone is an agent when its pods are
		err := at.Delete(ctx, p.Name, metav1.DeleteOptions{PropagationPolicy: &foreground})
		for err == nil {
			if _, err = at.Get(ctx, p.Name, metav1.GetOptions{}); err == nil {
				err = Pause(ctx)
			}
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("remove %s: %w", p, err)
		}
		tell(p)
	}
	return nil
}
