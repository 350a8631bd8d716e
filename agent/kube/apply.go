package kube

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Apply applies one object by server-side apply. Only metadata comes back, which is all there is to learn.
func (c *Client) Apply(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, p agent.Patch) (agent.Live, error) {
	obj, err := applied(res, ref, p)
	if err != nil {
		return agent.Live{}, err
	}
	var whole []string
	if !p.Leave.IsZero() {
		if whole, err = c.leave(ctx, res, ref, obj, p.Leave); err != nil {
			return agent.Live{}, err
		}
	}
	if p.Strings && isSecret(res) {
		if err := c.adoptStrings(ctx, res, ref, p.Leave); err != nil {
			return agent.Live{}, err
		}
	}
	if p.App != "" {
		label(obj, p.App)
	}
	body, err := json.Marshal(obj)
	if err != nil {
		return agent.Live{}, err
	}
	var got partial
	code, err := c.do(ctx, call{method: http.MethodPatch, path: objectPath(res, ref), query: applyQuery(p), accept: acceptMetadata,
		contentType: applyType, body: body, secret: isSecret(res)}, &got)
	if agent.ReasonOf(err) == agent.ReasonKind {
		c.kinds.drop(res)
	}
	if err != nil {
		return agent.Live{}, err
	}
	l := got.Metadata.live(res)
	l.Created, l.Whole = code == http.StatusCreated, whole
	return l, nil
}

func applyQuery(p agent.Patch) url.Values {
	q := url.Values{"fieldManager": {cmp.Or(p.Manager, agent.Manager)}, "force": {strconv.FormatBool(!p.Polite)}}
	if p.Try {
		q.Set("dryRun", "All")
	}
	return q
}

// serverFields are set by the API server; an apply that names them is refused, or would never fit again.
var serverFields = [...]string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}

// applied is the object of a patch with the name and namespace that it is applied with.
func applied(res agent.Resource, ref protocol.ObjectRef, p agent.Patch) (map[string]any, error) {
	var obj map[string]any
	if err := decodeWhole(p.Line, &obj); err != nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "its line is no JSON: correct it in Git"} // the error might quote a secret
	}
	meta, _ := obj["metadata"].(map[string]any)
	if meta == nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "it has no metadata: correct it in Git"}
	}
	for _, f := range serverFields {
		delete(meta, f)
	}
	delete(meta, "namespace")
	meta["name"] = ref.Name
	if res.Namespaced {
		meta["namespace"] = ref.Namespace
	}
	fleet.Canonical(obj)
	return obj, nil
}

// label makes an object an app's.
func label(obj map[string]any, app string) {
	meta := obj["metadata"].(map[string]any) // applied has seen to it
	labels, _ := meta["labels"].(map[string]any)
	if labels == nil {
		labels = make(map[string]any, 1)
	}
	labels[fleet.LabelApp] = app
	meta["labels"] = labels
}

// decodeWhole decodes JSON and loses no digit of large numbers.
func decodeWhole(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(into)
}

// Get reads an object's metadata.
func (c *Client) Get(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (agent.Live, error) {
	var p partial
	_, err := c.do(ctx, call{method: http.MethodGet, path: objectPath(res, ref), accept: acceptMetadata, secret: isSecret(res)}, &p)
	if err != nil {
		return agent.Live{}, err
	}
	return p.Metadata.live(res), nil
}

// Delete deletes what Get found. Dependents go in the background.
func (c *Client) Delete(ctx context.Context, res agent.Resource, live agent.Live) (gone bool, err error) {
	body, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
		"preconditions": map[string]string{"uid": live.UID, "resourceVersion": fmt.Sprint(live.Version)},
	})
	if err != nil {
		return false, err
	}
	var answer struct{ Kind string }
	_, err = c.do(ctx, call{method: http.MethodDelete, path: objectPath(res, live.Ref), accept: acceptMetadata + "," + acceptJSON,
		contentType: acceptJSON, body: body, secret: isSecret(res)}, &answer)
	if agent.ReasonOf(err) == agent.ReasonMissing {
		return true, nil
	}
	return err == nil && answer.Kind == "Status", err // an object that stays a while is answered instead
}

func isSecret(res agent.Resource) bool { return res.Group == "" && res.Kind == "Secret" }

func collectionPath(res agent.Resource, namespace string) string {
	path := "/apis/" + res.Group + "/" + res.Version
	if res.Group == "" {
		path = "/api/" + res.Version
	}
	if res.Namespaced && namespace != "" {
		path += "/namespaces/" + namespace
	}
	return path + "/" + res.Plural
}

func objectPath(res agent.Resource, ref protocol.ObjectRef) string {
	return collectionPath(res, ref.Namespace) + "/" + ref.Name
}
