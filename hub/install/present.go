package install

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drover-dev/drover/hub/manifest"
	"github.com/drover-dev/drover/protocol"
)

// Present is what there is of an agent in a cluster.
type Present struct {
	Namespace string
	Installed bool
	Image     string
	Form      string // manifest.FormDaemonSet or manifest.FormDeployment; "" if it is not installed
	// Outdated says that the manifest is of before the pods of an agent had no rights of their own: an image of that time
	// does not work with the present one.
	Outdated bool
	// Joined is the cluster whose credential the agent has, and Trust whom it believes; "" if it has none.
	Joined string
	Trust  protocol.Trust
	// Invited is the cluster of the join token; "" if that is not there.
	Invited string
	Join    []byte // JSON of the join token; nil if it is not there
}

// Cluster is whose agent it is: what it joined as, or else what its join token is for. "" if there is neither.
func (p Present) Cluster() string {
	if p.Joined != "" {
		return p.Joined
	}
	return p.Invited
}

// Of says whether the agent joined a hub that signs with one of keys.
func (p Present) Of(keys [][]byte) bool {
	return slices.ContainsFunc(p.Trust.HubKeys, func(known []byte) bool {
		return slices.ContainsFunc(keys, func(key []byte) bool { return slices.Equal(known, key) })
	})
}

// forms are the kinds that run an agent.
var forms = map[string]string{"DaemonSet": manifest.FormDaemonSet, "Deployment": manifest.FormDeployment}

// Look finds out what there is of an agent in a namespace. It fails if the namespace belongs to something else.
func (c *Cluster) Look(ctx context.Context, namespace string) (Present, error) {
	p := Present{Namespace: namespace}
	ns, err := c.api.Resource(namespaces).Get(ctx, namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return p, nil
	case err != nil:
		return p, fmt.Errorf("look at namespace %s: %w", namespace, err)
	case ns.GetDeletionTimestamp() != nil:
		return p, fmt.Errorf("namespace %s is being deleted: wait until it is gone, and try again", namespace)
	case ns.GetLabels()["app.kubernetes.io/part-of"] != "drover":
		return p, fmt.Errorf("namespace %s is there and is not Drover's: choose another with --namespace", namespace)
	}
	for kind, form := range forms {
		o, err := c.at(kind, namespace).Get(ctx, manifest.Name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return p, fmt.Errorf("look at %s %s/%s: %w", kind, namespace, manifest.Name, err)
		}
		if err == nil {
			image, args := container(o)
			p.Installed, p.Image, p.Form = true, image, form
			p.Outdated = !slices.Contains(args, manifest.LeaderFlag+manifest.LeaderAccount)
		}
	}
	if p.Join, err = c.secret(ctx, namespace, manifest.JoinSecret, manifest.JoinKey); err != nil {
		return p, err
	}
	if t, err := protocol.DecodeJoinToken(p.Join); err == nil {
		p.Invited = t.Cluster
	}
	held, err := c.secret(ctx, namespace, manifest.CredentialSecret, manifest.CredentialKey)
	if err != nil {
		return p, err
	}
	// one that cannot be used is none to the agent either
	if credential, err := protocol.DecodeCredential(held); err == nil {
		p.Joined, p.Trust = credential.Cluster, credential.Trust
	}
	return p, nil
}

// Elsewhere finds agents in other namespaces than this one. Their rights in the cluster have one name, so a second
// agent would take them from the first.
func (c *Cluster) Elsewhere(ctx context.Context, namespace string) ([]Present, error) {
	var all []unstructured.Unstructured
	for kind := range forms {
		list, err := c.api.Resource(kinds[kind]).List(ctx, metav1.ListOptions{LabelSelector: manifest.Label})
		if err != nil {
			return nil, fmt.Errorf("look for other agents: %w", explain(err, ""))
		}
		all = append(all, list.Items...)
	}
	var out []Present
	for _, o := range all {
		if o.GetName() != manifest.Name || o.GetNamespace() == namespace {
			continue
		}
		p, err := c.Look(ctx, o.GetNamespace())
		if err != nil {
			p = Present{Namespace: o.GetNamespace(), Installed: true}
		}
		out = append(out, p)
	}
	return out, nil
}

// secret reads one value of a Secret; nil if it is not there.
func (c *Cluster) secret(ctx context.Context, namespace, name, key string) ([]byte, error) {
	s, err := c.api.Resource(secrets).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at Secret %s/%s, to learn whose agent is there: %w", namespace, name, err)
	}
	var typed struct{ Data map[string][]byte }
	if decode(s, &typed) != nil {
		return nil, fmt.Errorf("the Secret %s/%s cannot be read", namespace, name) // an error of json might quote it
	}
	return typed.Data[key], nil
}
