package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

var applyQuery = url.Values{"fieldManager": {agent.Manager}, "force": {"true"}}

// Apply applies line as app's by server-side apply. Only metadata comes back, which is all there is to learn.
func (c *Client) Apply(ctx context.Context, res agent.Resource, ref protocol.ObjectRef, app string, line []byte) (agent.Live, error) {
	body, err := applyBody(res, ref, app, line)
	if err != nil {
		return agent.Live{}, err
	}
	var p partial
	code, err := c.do(ctx, call{method: http.MethodPatch, path: objectPath(res, ref), query: applyQuery, accept: acceptMetadata,
		contentType: applyType, body: body, secret: isSecret(res)}, &p)
	if agent.ReasonOf(err) == agent.ReasonKind {
		c.kinds.drop(res)
	}
	if err != nil {
		return agent.Live{}, err
	}
	l := p.Metadata.live(res)
	l.Created = code == http.StatusCreated
	return l, nil
}

// serverFields are set by the API server; an apply that names them is refused, or would never fit again.
var serverFields = [...]string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}

// applyBody is line with the namespace and label that it is applied with.
func applyBody(res agent.Resource, ref protocol.ObjectRef, app string, line []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber() // or large whole numbers would lose digits
	var obj map[string]any
	if err := dec.Decode(&obj); err != nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: fmt.Sprintf("its line is no JSON: %v", err)}
	}
	meta, _ := obj["metadata"].(map[string]any)
	if meta == nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "it has no metadata: correct it in Git"}
	}
	for _, f := range serverFields {
		delete(meta, f)
	}
	delete(meta, "namespace")
	if res.Namespaced {
		meta["namespace"] = ref.Namespace
	}
	labels, _ := meta["labels"].(map[string]any)
	if labels == nil {
		labels = make(map[string]any, 1)
	}
	labels[fleet.LabelApp] = app
	meta["labels"] = labels
	return json.Marshal(obj)
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
