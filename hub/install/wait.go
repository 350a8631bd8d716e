package install

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/drover-dev/drover/hub/manifest"
)

const (
	// lookEvery is the time between two looks while a user waits.
	lookEvery = 500 * time.Millisecond
	// troublePatience is how long a pod may be in trouble before waiting for it is given up.
	troublePatience = 10 * time.Second
)

// Rollout is how far the DaemonSet's pods are.
type Rollout struct {
	Ready, Updated, All int64 // pods that are ready, that are of the newest template, and that there are to be
}

// String says it in words.
func (r Rollout) String() string {
	if r.Updated < r.All && r.Ready == r.All {
		return fmt.Sprintf("%d/%d pods replaced", r.Updated, r.All)
	}
	return fmt.Sprintf("%d/%d pods ready", r.Ready, r.All)
}

// AwaitReady waits until all pods of the agent are ready, and tells whenever that is closer. If a pod will not be ready
// by itself, the error says why, and what to do.
func (c *Cluster) AwaitReady(ctx context.Context, namespace string, tell func(Rollout)) error {
	var last Rollout
	var since time.Time // of the trouble
	for {
		r, done, err := c.rollout(ctx, namespace)
		if err != nil {
			return err
		}
		if r != last {
			tell(r)
			last = r
		}
		if done {
			return nil
		}
		trouble := c.Trouble(ctx, namespace)
		if trouble == nil {
			since = time.Time{}
		} else if since.IsZero() {
			since = time.Now()
		}
		if trouble != nil && time.Since(since) > troublePatience {
			return trouble
		}
		if err := Pause(ctx); err != nil {
			return errors.Join(err, trouble)
		}
	}
}

// Pause waits a moment between two looks. It fails when ctx is done.
func Pause(ctx context.Context) error {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// rollout reads how far the pods are.
func (c *Cluster) rollout(ctx context.Context, namespace string) (r Rollout, done bool, err error) {
	o, err := c.api.Resource(daemonSets).Namespace(namespace).Get(ctx, manifest.Name, metav1.GetOptions{})
	if err != nil {
		return r, false, fmt.Errorf("look at DaemonSet %s/%s: %w", namespace, manifest.Name, err)
	}
	var ds struct {
		Metadata struct{ Generation int64 }
		Status   struct{ ObservedGeneration, DesiredNumberScheduled, UpdatedNumberScheduled, NumberReady int64 }
	}
	if err := decode(o, &ds); err != nil {
		return r, false, fmt.Errorf("DaemonSet %s/%s: %w", namespace, manifest.Name, err)
	}
	st := ds.Status
	if st.ObservedGeneration < ds.Metadata.Generation { // what it says is of before
		return r, false, nil
	}
	r = Rollout{Ready: st.NumberReady, Updated: st.UpdatedNumberScheduled, All: st.DesiredNumberScheduled}
	return r, r.All > 0 && r.Ready >= r.All && r.Updated >= r.All, nil
}

// podStatus is what is read of a pod.
type podStatus struct {
	Metadata struct{ Name string }
	Spec     struct{ NodeName string }
	Status   struct {
		Conditions        []struct{ Type, Status, Reason, Message string }
		ContainerStatuses []struct {
			RestartCount     int64
			State, LastState struct {
				Waiting    *struct{ Reason, Message string }
				Terminated *struct {
					ExitCode        int64
					Reason, Message string
				}
			}
		}
	}
}

// Trouble says which pod of the agent is in trouble, why, and what to do about it; nil if none is.
func (c *Cluster) Trouble(ctx context.Context, namespace string) error {
	list, err := c.api.Resource(pods).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + manifest.Name})
	if err != nil {
		return nil // the caller has an error of its own then
	}
	if len(list.Items) == 0 {
		return fmt.Errorf("no node takes a pod of the agent: see that there are nodes, and that --leader-nodes and --node-selector fit them (`kubectl -n %s describe ds %s`)",
			namespace, manifest.Name)
	}
	for _, o := range slices.Backward(list.Items) {
		var p podStatus
		if err := decode(&o, &p); err == nil {
			if trouble := p.trouble(); trouble != "" {
				return fmt.Errorf("pod %s%s: %s", p.Metadata.Name, p.where(), trouble)
			}
		}
	}
	return nil
}

func (p podStatus) where() string {
	if p.Spec.NodeName == "" {
		return ""
	}
	return " on node " + p.Spec.NodeName
}

// trouble says why a pod will not be ready by itself, and what to do.
func (p podStatus) trouble() string {
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			return fmt.Sprintf("%s: %s: free resources on the node, or leave it out with --node-selector", c.Reason, c.Message)
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		w := c.State.Waiting
		switch {
		case w != nil && strings.Contains(w.Reason, "Image"):
			return fmt.Sprintf("%s: %s: see that the image is in a registry that the node may pull from, and name it with --image", w.Reason, w.Message)
		case w != nil && (w.Reason == "CreateContainerConfigError" || w.Reason == "CreateContainerError" || w.Reason == "RunContainerError"):
			return fmt.Sprintf("%s: %s", w.Reason, w.Message)
		case c.RestartCount > 0 || w != nil && w.Reason == "CrashLoopBackOff":
			text := "the agent crashes"
			if t := c.LastState.Terminated; t != nil {
				lines := strings.Split(strings.TrimSpace(t.Message), "\n")
				text = fmt.Sprintf("%s, exit %d: %s", text, t.ExitCode, lines[len(lines)-1])
			}
			return text + ": see that --image is a Drover agent of a fitting version"
		}
	}
	return ""
}

// LastLog is the last line that the pods of the agent logged; "" if that cannot be read.
func (c *Cluster) LastLog(ctx context.Context, namespace string) string {
	list, err := c.api.Resource(pods).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=" + manifest.Name})
	if err != nil {
		return ""
	}
	leader := c.leader(ctx, namespace)
	for _, o := range list.Items {
		if leader != "" && o.GetName() != leader {
			continue
		}
		data, err := c.http.Get().AbsPath("/api/v1/namespaces", namespace, "pods", o.GetName(), "log").Param("tailLines", "1").Do(ctx).Raw()
		if line := strings.TrimSpace(string(data)); err == nil && line != "" {
			return line
		}
	}
	return ""
}

// leader is the pod that leads, if one does.
func (c *Cluster) leader(ctx context.Context, namespace string) string {
	l, err := c.api.Resource(leases).Namespace(namespace).Get(ctx, manifest.Name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	holder, _, _ := unstructured.NestedString(l.Object, "spec", "holderIdentity")
	name, _, _ := strings.Cut(holder, "/")
	return name
}
