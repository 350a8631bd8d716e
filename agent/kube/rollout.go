package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/protocol"
)

const (
	// annotationUpgrade is on the DaemonSet, and says what is known of its last upgrade.
	annotationUpgrade = "drover.dev/upgrade"
	// labelRevision is on every pod of a DaemonSet, and names the template that it was made of.
	labelRevision = "controller-revision-hash"
	// upgradeManager is the field manager of the image that an upgrade puts in.
	upgradeManager = "drover-upgrade"
	mergeType      = "application/strategic-merge-patch+json"
	// maxReason is the most that is told of why a container waits, or how it ended, in bytes.
	maxReason = 500
)

var daemonSets = agent.Resource{Group: "apps", Version: "v1", Kind: "DaemonSet", Plural: "daemonsets", Namespaced: true}

// Rollout is the DaemonSet that a pod belongs to. It is read, and upgraded, with raw requests: typed clients would double the
// binary.
type Rollout struct {
	client    *Client
	lead      *Client // may write it
	ref       protocol.ObjectRef
	uid       string
	container string
}

var _ upgrade.Rollout = (*Rollout)(nil)

// daemonSet is what is read of a DaemonSet.
type daemonSet struct {
	Metadata metadata
	Spec     struct {
		Template       struct{ Spec podSpec }
		UpdateStrategy struct {
			Type          string
			RollingUpdate struct{ MaxSurge any } // a number, or a share as "10%"
		}
	}
}

// abrupt says whether pods are replaced one after the other rather than one beside the other.
func (d daemonSet) abrupt() bool {
	u := d.Spec.UpdateStrategy
	surge := fmt.Sprint(u.RollingUpdate.MaxSurge)
	return u.Type != "OnDelete" && (surge == "<nil>" || surge == "0" || surge == "0%")
}

type podSpec struct {
	Containers []struct{ Name, Image string }
}

// memberPod is what is read of a DaemonSet's pods.
type memberPod struct {
	Metadata struct {
		Name, UID, DeletionTimestamp string
		Labels                       map[string]string
		OwnerReferences              []owner
	}
	Spec   podSpec
	Status struct{ ContainerStatuses []containerStatus }
}

type owner struct {
	Kind, Name, UID string
	Controller      bool
}

type containerStatus struct {
	Name             string
	State, LastState struct {
		Waiting    *struct{ Reason, Message string }
		Terminated *termination
	}
}

type termination struct {
	ExitCode        int
	Reason, Message string
}

// FindUpgrade finds the DaemonSet that the pod with this name belongs to. Without one, Upgrade.Rollout is nil. c reads, and
// lead writes, for which it takes the rights of the agent that leads.
func FindUpgrade(ctx context.Context, c, lead *Client, namespace, podName string) (upgrade.Upgrade, error) {
	var p memberPod
	ref := protocol.ObjectRef{Kind: "Pod", Namespace: namespace, Name: podName}
	if _, err := c.do(ctx, call{method: http.MethodGet, path: objectPath(pods, ref), accept: acceptJSON}, &p); err != nil {
		return upgrade.Upgrade{}, fmt.Errorf("read this agent's pod %s: %w", podName, err)
	}
	container, image := p.Spec.agent()
	u := upgrade.Upgrade{Identity: p.Metadata.Name + "/" + p.Metadata.UID, Revision: p.Metadata.Labels[labelRevision], Image: image}
	for _, o := range p.Metadata.OwnerReferences {
		if o.Kind == daemonSets.Kind && o.Controller {
			u.Rollout = &Rollout{client: c, lead: lead, uid: o.UID, container: container,
				ref: protocol.ObjectRef{Group: daemonSets.Group, Kind: o.Kind, Namespace: namespace, Name: o.Name}}
		}
	}
	return u, nil
}

// agent is the container that runs the agent: the first, where people have added others.
func (s podSpec) agent() (name, image string) {
	if len(s.Containers) == 0 {
		return "", ""
	}
	return s.Containers[0].Name, s.Containers[0].Image
}

// Look reads the DaemonSet.
func (r *Rollout) Look(ctx context.Context) (upgrade.RolloutState, error) {
	var st upgrade.RolloutState
	var ds daemonSet
	if _, err := r.client.do(ctx, call{method: http.MethodGet, path: objectPath(daemonSets, r.ref), accept: acceptJSON}, &ds); err != nil {
		return st, fmt.Errorf("read %s: %w", r.ref, err)
	}
	st.Version, st.Abrupt = ds.Metadata.ResourceVersion, ds.abrupt()
	for _, c := range ds.Spec.Template.Spec.Containers {
		if c.Name == r.container {
			st.Image = c.Image
		}
	}
	if text := ds.Metadata.Annotations[annotationUpgrade]; text != "" {
		st.Note = new(upgrade.Note)
		if json.Unmarshal([]byte(text), st.Note) != nil {
			st.Note = nil // somebody has written it: nothing is known then of an upgrade
		}
	}
	return st, nil
}

// Members reads the DaemonSet's pods.
func (r *Rollout) Members(ctx context.Context) ([]upgrade.RolloutPod, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	query := url.Values{"labelSelector": {labelRevision}}
	resp, err := r.client.open(ctx, call{method: http.MethodGet, path: collectionPath(pods, r.ref.Namespace), query: query, accept: acceptJSON})
	if err != nil {
		return nil, fmt.Errorf("list the pods of %s: %w", r.ref, err)
	}
	defer drain(resp.Body)
	var all []upgrade.RolloutPod
	_, err = decodeList(resp.Body, func(raw json.RawMessage) error {
		var p memberPod
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		if p.Metadata.DeletionTimestamp == "" && slices.ContainsFunc(p.Metadata.OwnerReferences, func(o owner) bool { return o.UID == r.uid }) {
			all = append(all, p.member(r.container))
		}
		return nil
	})
	return all, err
}

// member says how a pod's container is.
func (p *memberPod) member(container string) upgrade.RolloutPod {
	m := upgrade.RolloutPod{Identity: p.Metadata.Name + "/" + p.Metadata.UID, Revision: p.Metadata.Labels[labelRevision]}
	for _, c := range p.Status.ContainerStatuses {
		if c.Name != container {
			continue
		}
		if t := cmp.Or(c.State.Terminated, c.LastState.Terminated); t != nil {
			m.Ended = t.String()
		}
		if w := c.State.Waiting; w != nil {
			m.Waiting = short(strings.TrimSuffix(w.Reason+": "+w.Message, ": "))
			m.Stuck = w.Reason == "InvalidImageName"
		}
	}
	return m
}

// String gives the exit code and the last line that was written, which the kubelet takes from the log.
func (t *termination) String() string {
	text := fmt.Sprintf("exit %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" {
		text += " (" + t.Reason + ")"
	}
	lines := strings.Split(strings.TrimSpace(t.Message), "\n")
	if last := lines[len(lines)-1]; last != "" {
		text += ": " + short(last)
	}
	return text
}

// short cuts what is too long for a message.
func short(text string) string {
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "…"
}

// Set writes image and note in one request, unless the DaemonSet has changed since it was seen.
func (r *Rollout) Set(ctx context.Context, seen upgrade.RolloutState, image string, note *upgrade.Note) error {
	var text any // null takes the annotation away
	if note != nil {
		data, err := json.Marshal(note)
		if err != nil {
			return err
		}
		text = string(data)
	}
	body := map[string]any{"metadata": map[string]any{"resourceVersion": seen.Version, "annotations": map[string]any{annotationUpgrade: text}}}
	if image != seen.Image {
		body["spec"] = map[string]any{"template": map[string]any{"spec": map[string]any{
			"containers": []any{map[string]any{"name": r.container, "image": image}}}}}
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = r.lead.do(ctx, call{method: http.MethodPatch, path: objectPath(daemonSets, r.ref), query: url.Values{"fieldManager": {upgradeManager}},
		accept: acceptMetadata, contentType: mergeType, body: data}, nil)
	if agent.ReasonOf(err) == agent.ReasonConflict {
		return fmt.Errorf("write %s: %w", r.ref, agent.ErrLost)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", r.ref, err)
	}
	return nil
}
