package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// jsonMergeType replaces lists as a whole, for every kind (RFC 7396).
const jsonMergeType = "application/merge-patch+json"

// Retire deletes what Get found, its dependents first, so that nothing of it runs any more when it is gone.
func (c *Client) Retire(ctx context.Context, res agent.Resource, live agent.Live) (gone bool, err error) {
	if live.Deleting {
		return false, c.Release(ctx, res, live)
	}
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "preconditions": map[string]string{"uid": live.UID},
	})
	if err != nil {
		return false, err
	}
	var answer struct {
		Kind     string
		Metadata metadata
	}
	_, err = c.do(ctx, call{method: http.MethodDelete, path: objectPath(res, live.Ref), accept: acceptMetadata + "," + acceptJSON,
		contentType: acceptJSON, body: body, secret: isSecret(res)}, &answer)
	switch {
	case agent.ReasonOf(err) == agent.ReasonMissing:
		return true, nil
	case err != nil || answer.Kind == "Status":
		return err == nil, err
	}
	return false, c.Release(ctx, res, answer.Metadata.live(res))
}

// Relabel gives an object the label of an app.
func (c *Client) Relabel(ctx context.Context, res agent.Resource, live agent.Live, app string) error {
	return c.patchMetadata(ctx, res, live, map[string]any{"labels": map[string]string{fleet.LabelApp: app}})
}

// Release takes Drover's finalizer from an object.
func (c *Client) Release(ctx context.Context, res agent.Resource, live agent.Live) error {
	if !slices.Contains(live.Held, fleet.FinalizerHook) {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(live.Held), func(f string) bool { return f == fleet.FinalizerHook })
	return c.patchMetadata(ctx, res, live, map[string]any{"finalizers": rest})
}

// patchMetadata changes the metadata of an object, unless the object changed since or is gone.
func (c *Client) patchMetadata(ctx context.Context, res agent.Resource, live agent.Live, metadata map[string]any) error {
	metadata["uid"], metadata["resourceVersion"] = live.UID, fmt.Sprint(live.Version)
	body, err := json.Marshal(map[string]any{"metadata": metadata})
	if err != nil {
		return err
	}
	_, err = c.do(ctx, call{method: http.MethodPatch, path: objectPath(res, live.Ref), query: url.Values{"fieldManager": {agent.Manager}},
		accept: acceptMetadata, contentType: jsonMergeType, body: body, secret: isSecret(res)}, nil)
	if agent.ReasonOf(err) == agent.ReasonMissing {
		return nil
	}
	return err
}

const (
	logLines = 10
	logBytes = 2 << 10
	maxLog   = 64 << 10        // bytes that are read to find them
	logTime  = 5 * time.Second // a node that does not answer is not waited for
)

// told is what is read of a pod to tell why it failed.
type told struct {
	Metadata struct {
		Name              string
		CreationTimestamp time.Time
	}
	Status struct {
		Conditions                               []struct{ Type, Status, Reason, Message string }
		InitContainerStatuses, ContainerStatuses []containerState
	}
}

type containerState struct {
	Name  string
	State struct {
		Running    *struct{}
		Waiting    *struct{ Reason, Message string }
		Terminated *struct{ ExitCode int }
	}
}

// LastWords reads the end of the log of a Pod, or of a Job's newest one, or why it does not start.
func (c *Client) LastWords(ctx context.Context, ref protocol.ObjectRef) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	var pod *told
	switch ref.Group + "/" + ref.Kind {
	case "/Pod":
		pod = &told{}
		if _, err := c.do(ctx, call{method: http.MethodGet, path: objectPath(pods, ref), accept: acceptJSON}, pod); err != nil {
			return "", err
		}
	case "batch/Job":
		var err error
		if pod, err = c.newestPod(ctx, ref); pod == nil {
			return "", err
		}
	default:
		return "", nil
	}
	container := pod.telling()
	if container == "" {
		return pod.stuck(), nil
	}
	at := protocol.ObjectRef{Kind: "Pod", Namespace: ref.Namespace, Name: pod.Metadata.Name}
	resp, err := c.open(ctx, call{method: http.MethodGet, path: objectPath(pods, at) + "/log", accept: "text/plain, " + acceptJSON,
		query: url.Values{"container": {container}, "tailLines": {strconv.Itoa(logLines)}, "limitBytes": {strconv.Itoa(maxLog)}}})
	if err != nil {
		return "", err
	}
	defer drain(resp.Body)
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxLog))
	if err != nil {
		return "", unreachable(err)
	}
	if text := tail(string(text)); text != "" {
		return "the end of its log:\n" + text, nil
	}
	return "", nil
}

// newestPod is the newest pod of a Job, or nil if there is none.
func (c *Client) newestPod(ctx context.Context, ref protocol.ObjectRef) (newest *told, err error) {
	resp, err := c.open(ctx, call{method: http.MethodGet, path: collectionPath(pods, ref.Namespace), accept: acceptJSON,
		query: url.Values{"labelSelector": {"batch.kubernetes.io/job-name=" + ref.Name}}})
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	_, err = decodeList(resp.Body, func(raw json.RawMessage) error {
		var p told
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		if newest == nil || p.Metadata.CreationTimestamp.After(newest.Metadata.CreationTimestamp) {
			newest = &p
		}
		return nil
	})
	return newest, err
}

// telling is the container that failed, or else the first one that was started.
func (p *told) telling() string {
	all := append(slices.Clone(p.Status.InitContainerStatuses), p.Status.ContainerStatuses...)
	for _, s := range all {
		if s.State.Terminated != nil && s.State.Terminated.ExitCode != 0 {
			return s.Name
		}
	}
	for _, s := range p.Status.ContainerStatuses {
		if s.State.Running != nil || s.State.Terminated != nil {
			return s.Name
		}
	}
	return ""
}

// stuck says why the pod does not start.
func (p *told) stuck() string {
	for _, s := range append(slices.Clone(p.Status.InitContainerStatuses), p.Status.ContainerStatuses...) {
		if w := s.State.Waiting; w != nil && w.Message != "" {
			return tail(fmt.Sprintf("its pod %s waits: %s: %s", p.Metadata.Name, w.Reason, w.Message))
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Status == "False" && c.Reason == "Unschedulable" {
			return tail(fmt.Sprintf("its pod %s cannot be scheduled: %s", p.Metadata.Name, c.Message))
		}
	}
	return ""
}

// tail is the end of a log, short enough to be part of a message.
func tail(text string) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "?")
	if len(text) > logBytes {
		text = "…" + strings.ToValidUTF8(text[len(text)-logBytes:], "")
	}
	return text
}
