// Package install applies the manifest of an agent to a cluster, follows it until its pods are ready, and takes it
// away. It speaks with the cluster's API server as the person who runs it: it is for the command line, and no part of
// the hub. It may import hub/manifest.
package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/drover-dev/drover/hub/manifest"
)

// manager is the field manager of what is applied.
const manager = "drover-install"

// The kinds that a manifest holds, and those that are looked at.
var (
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	secrets     = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	nodes       = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	daemonSets  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "daemonsets"}
	leases      = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	roles       = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"}
	bindings    = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}
	everywhere  = schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"}

	kinds = map[string]schema.GroupVersionResource{
		"Namespace": namespaces, "ServiceAccount": {Version: "v1", Resource: "serviceaccounts"}, "Secret": secrets, "DaemonSet": daemonSets,
		"Role": roles, "RoleBinding": bindings, "ClusterRoleBinding": everywhere, "Deployment": deployments,
		"NetworkPolicy":             {Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
		"ValidatingAdmissionPolicy": {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"},
		"ValidatingAdmissionPolicyBinding": {Group: "admissionregistration.k8s.io", Version: "v1",
			Resource: "validatingadmissionpolicybindings"},
	}
)

// Cluster is a cluster to install an agent in.
type Cluster struct {
	Context string // of the kubeconfig
	Server  string // URL of the API server
	Version string // of the API server, as v1.37.2

	api  dynamic.Interface
	http rest.Interface
}

// Connect reads the kubeconfig, as kubectl would if the arguments are empty, and makes sure that the cluster answers.
func Connect(ctx context.Context, kubeconfig, contextName string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName})
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	c := &Cluster{Context: contextName}
	if c.Context == "" {
		c.Context = raw.CurrentContext
	}
	if raw.Contexts[c.Context] == nil {
		return nil, fmt.Errorf("the kubeconfig has no context %q: see `kubectl config get-contexts`, and choose one with --context", c.Context)
	}
	cfg, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("the kubeconfig's context %s: %w", c.Context, err)
	}
	cfg.UserAgent, c.Server = "drover-install", cfg.Host
	cfg.WarningHandler = rest.NoWarnings{}
	if c.api, err = dynamic.NewForConfig(cfg); err != nil {
		return nil, fmt.Errorf("the kubeconfig's context %s: %w", c.Context, err)
	}
	if c.http, err = plain(cfg); err != nil {
		return nil, fmt.Errorf("the kubeconfig's context %s: %w", c.Context, err)
	}
	var v struct{ GitVersion string }
	data, err := c.http.Get().AbsPath("/version").Do(ctx).Raw()
	if err == nil {
		err = json.Unmarshal(data, &v)
	}
	if err != nil {
		return nil, fmt.Errorf("the cluster of context %s does not answer at %s: %w", c.Context, c.Server, err)
	}
	c.Version = v.GitVersion
	return c, nil
}

// plain is a client for what is no object.
func plain(cfg *rest.Config) (rest.Interface, error) {
	cfg = dynamic.ConfigFor(cfg)
	cfg.GroupVersion = &schema.GroupVersion{}
	return rest.RESTClientFor(cfg)
}

// decode reads an object into a struct, whose fields may be named in Go's way.
func decode(o *unstructured.Unstructured, into any) error {
	data, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// container reads what the agent's container of a DaemonSet or Deployment runs.
func container(o *unstructured.Unstructured) (image string, args []string) {
	all, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	for _, c := range all {
		if c, ok := c.(map[string]any); ok && c["name"] == "agent" {
			image, _ = c["image"].(string)
			args, _, _ = unstructured.NestedStringSlice(c, "args")
			return image, args
		}
	}
	return "", nil
}

// HasControlPlaneNodes says whether there are nodes with the label of the control plane. Where the cluster is managed
// for its people there are none.
func (c *Cluster) HasControlPlaneNodes(ctx context.Context) (bool, error) {
	list, err := c.api.Resource(nodes).List(ctx, metav1.ListOptions{LabelSelector: manifest.ControlPlaneLabel, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("look for control-plane nodes: %w; or say which nodes may lead with --leader-nodes", explain(err, ""))
	}
	return len(list.Items) > 0, nil
}

// Apply applies the documents of a manifest by server-side apply, one after the other, and takes rights away that an
// earlier one gave and this one does not. It tells of each object what became of it. changed says that something was
// not yet so.
func (c *Cluster) Apply(ctx context.Context, namespace string, text []byte, tell func(object, outcome string)) (changed bool, err error) {
	dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	wanted := map[string]bool{}
	for {
		var o unstructured.Unstructured
		if err := dec.Decode(&o.Object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return changed, fmt.Errorf("the manifest: %w", err)
		}
		if o.Object == nil { // comments
			continue
		}
		outcome, err := c.applyOne(ctx, &o)
		if err != nil {
			return changed, fmt.Errorf("apply %s: %w", nameOf(&o), explain(err, o.GetNamespace()))
		}
		changed, wanted[nameOf(&o)] = changed || outcome != unchanged, true
		tell(nameOf(&o), outcome)
	}
	parts, err := c.Parts(ctx, namespace)
	if err != nil {
		return changed, err
	}
	parts = slices.DeleteFunc(parts, func(p Part) bool { return wanted[p.String()] })
	return changed || len(parts) > 0, c.Remove(ctx, parts, func(p Part) { tell(p.String(), "removed") })
}

// The outcomes of an apply.
const (
	unchanged = "unchanged"
	created   = "created"
	applied   = "changed"
)

// at is where an object of a kind lives.
func (c *Cluster) at(kind, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return c.api.Resource(kinds[kind])
	}
	return c.api.Resource(kinds[kind]).Namespace(namespace)
}

func (c *Cluster) applyOne(ctx context.Context, o *unstructured.Unstructured) (outcome string, err error) {
	if _, ok := kinds[o.GetKind()]; !ok {
		return "", fmt.Errorf("a manifest of an agent holds no %s", o.GetKind())
	}
	at, was := c.at(o.GetKind(), o.GetNamespace()), ""
	before, err := at.Get(ctx, o.GetName(), metav1.GetOptions{})
	switch {
	case err == nil:
		was = before.GetResourceVersion()
	case !apierrors.IsNotFound(err):
		return "", err
	}
	after, err := at.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: manager, Force: true})
	switch {
	case err != nil:
		return "", err
	case was == "":
		return created, nil
	case was == after.GetResourceVersion():
		return unchanged, nil
	}
	return applied, nil
}

// explain adds what to do about an error, where that can be said.
func explain(err error, namespace string) error {
	switch {
	case apierrors.IsNotFound(err) && strings.Contains(err.Error(), "could not find the requested resource"):
		return fmt.Errorf("%w: the cluster does not serve this kind, as before Kubernetes 1.30: give --leader-nodes all", err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%w: installing an agent takes the rights of a cluster-admin, which this context's user has not", err)
	case apierrors.IsNotFound(err) && namespace != "":
		return fmt.Errorf("%w: make the namespace %s first, or leave it out of --scope", err, namespace)
	}
	return err
}

func nameOf(o *unstructured.Unstructured) string {
	if o.GetNamespace() == "" {
		return o.GetKind() + "/" + o.GetName()
	}
	return o.GetKind() + "/" + o.GetNamespace() + "/" + o.GetName()
}
