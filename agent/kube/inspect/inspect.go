package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/asks"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

const (
	// readTimeout is how long one request may take that is not followed. A dry run may wait for admission webhooks.
	readTimeout = 40 * time.Second
	// maxObject is how much of one object is read: etcd stores 1.5 MiB.
	maxObject = 8 << 20
	// pageSize is how many items of a list are asked for at a time.
	pageSize = 250
)

// Reader is an asks.Reader on a client.
type Reader struct {
	client *kube.Client
}

var _ asks.Reader = (*Reader)(nil)

// New makes a Reader with the rights of a client.
func New(c *kube.Client) *Reader { return &Reader{c} }

// Resolve implements asks.Reader.
func (r *Reader) Resolve(ctx context.Context, apiVersion, kind string) (agent.Resource, error) {
	return r.client.Resolve(ctx, apiVersion, kind)
}

// Read implements asks.Reader.
func (r *Reader) Read(ctx context.Context, res agent.Resource, ref protocol.ObjectRef) (json.RawMessage, error) {
	return whole(ctx, r.client, kube.Request{Method: http.MethodGet, Path: path(res, ref.Namespace) + "/" + ref.Name,
		Secret: isSecret(res)})
}

// Would implements asks.Reader.
func (r *Reader) Would(ctx context.Context, res agent.Resource, w agent.Wish) (json.RawMessage, error) {
	body, err := patch(res, w)
	if err != nil {
		return nil, err
	}
	as := r.client.With(w.Access).(*kube.Client)
	return whole(ctx, as, kube.Request{Method: http.MethodPatch, Path: path(res, w.Ref.Namespace) + "/" + w.Ref.Name,
		Query: url.Values{"fieldManager": {agent.Manager}, "force": {"true"}, "dryRun": {"All"}}, Body: body,
		Secret: isSecret(res) || w.Access.Secret})
}

func whole(ctx context.Context, c *kube.Client, req kube.Request) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	resp, err := kube.Open(ctx, c, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxObject))
	if err == nil && !json.Valid(data) {
		err = fmt.Errorf("the API server's answer of %d bytes is no JSON", len(data))
	}
	return data, err
}

// List implements asks.Reader.
func (r *Reader) List(ctx context.Context, res agent.Resource, namespace string, limit int,
	each func(json.RawMessage),
) (more bool, err error) {
	next := ""
	for n := 0; ; {
		var page struct {
			Metadata struct{ Continue string }
			Items    []json.RawMessage
		}
		query := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if next != "" {
			query.Set("continue", next)
		}
		if err := r.page(ctx, path(res, namespace), query, &page); err != nil {
			return false, err
		}
		for _, item := range page.Items {
			if n++; n > limit {
				return true, nil
			}
			each(item)
		}
		if next = page.Metadata.Continue; next == "" {
			return false, nil
		}
	}
}

func (r *Reader) page(ctx context.Context, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	resp, err := kube.Open(ctx, r.client, kube.Request{Method: http.MethodGet, Path: path, Query: query})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// Logs implements asks.Reader.
func (r *Reader) Logs(ctx context.Context, namespace, pod string, o asks.LogOptions) (io.ReadCloser, error) {
	query := url.Values{"container": {o.Container}}
	if o.Tail > 0 {
		query.Set("tailLines", strconv.Itoa(o.Tail))
	}
	if o.Previous {
		query.Set("previous", "true")
	}
	if o.Follow {
		query.Set("follow", "true")
	} else {
		query.Set("limitBytes", strconv.Itoa(protocol.MaxAnswer))
	}
	pods := agent.Resource{Version: "v1", Kind: "Pod", Plural: "pods", Namespaced: true}
	resp, err := kube.Open(ctx, r.client, kube.Request{Method: http.MethodGet,
		Path: path(pods, namespace) + "/" + url.PathEscape(pod) + "/log", Query: query, Accept: "*/*"})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// serverFields are set by the API server; an apply that names them is refused.
var serverFields = [...]string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"}

// patch is the body of an apply.
func patch(res agent.Resource, w agent.Wish) ([]byte, error) {
	var obj map[string]any
	dec := json.NewDecoder(bytes.NewReader(w.Patch.Line))
	dec.UseNumber()
	if dec.Decode(&obj) != nil { // whose error might quote a secret
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "its line is no JSON: correct it in Git"}
	}
	meta, _ := obj["metadata"].(map[string]any)
	if meta == nil {
		return nil, &agent.Failure{Reason: agent.ReasonInvalid, Text: "it has no metadata: correct it in Git"}
	}
	for _, f := range serverFields {
		delete(meta, f)
	}
	delete(meta, "namespace")
	if meta["name"] = w.Ref.Name; res.Namespaced {
		meta["namespace"] = w.Ref.Namespace
	}
	fleet.Canonical(obj)
	if w.Patch.App != "" {
		labels, _ := meta["labels"].(map[string]any)
		if labels == nil {
			labels = map[string]any{}
		}
		labels[fleet.LabelApp] = w.Patch.App
		meta["labels"] = labels
	}
	return json.Marshal(obj)
}

func isSecret(res agent.Resource) bool { return res.Group == "" && res.Kind == "Secret" }

func path(res agent.Resource, namespace string) string {
	out := "/apis/" + res.Group + "/" + res.Version
	if res.Group == "" {
		out = "/api/" + res.Version
	}
	if res.Namespaced && namespace != "" {
		out += "/namespaces/" + namespace
	}
	return out + "/" + strings.ToLower(res.Plural)
}
