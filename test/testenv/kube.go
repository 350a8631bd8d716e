package testenv

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Kube is a client of one API server, small enough to be no part of what is tested: plain HTTP and JSON. It may be
// used by several goroutines.
type Kube struct {
	url   string
	token string
	http  *http.Client

	mu        sync.Mutex
	resources map[string][]resource // by apiVersion, as discovered
}

// resource is how the API server names a kind in paths.
type resource struct {
	Name       string
	Kind       string
	Namespaced bool
}

// NewKube returns a client of the API server at url, whose certificate ca (PEM) has signed, with a bearer token.
func NewKube(url string, ca []byte, token string) *Kube {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &Kube{url: url, token: token, resources: map[string][]resource{}, http: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
	}}
}

// StatusError is what the API server answers instead of doing what it was asked.
type StatusError struct {
	Request string // method and path
	Code    int    // HTTP status
	Reason  string // such as NotFound or Conflict
	Message string
}

// Error tells what was asked for and what the API server said.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s: %s", e.Request, e.Code, e.Reason, e.Message)
}

// IsNotFound reports whether err is the API server saying that there is no such object.
func IsNotFound(err error) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code == http.StatusNotFound
}

// Get returns the object that ref names.
func (k *Kube) Get(ctx context.Context, ref Ref) (Object, error) {
	return k.object(ctx, http.MethodGet, ref, nil, nil, "")
}

// List returns the objects of a kind in a namespace, or in all of them when it is empty. query may narrow it, such as
// by labelSelector.
func (k *Kube) List(ctx context.Context, apiVersion, kind, namespace string, query url.Values) ([]Object, error) {
	list, err := k.object(ctx, http.MethodGet, Ref{APIVersion: apiVersion, Kind: kind, Namespace: namespace}, query, nil, "")
	if err != nil {
		return nil, err
	}
	items := list.Items("items")
	for _, item := range items {
		item["apiVersion"], item["kind"] = apiVersion, kind // lists leave them out
	}
	return items, nil
}

// Apply applies the documents of a YAML manifest server-side in the name of the field manager, taking fields over from
// others, and returns the objects as they then are.
func (k *Kube) Apply(ctx context.Context, manager, manifest string) ([]Object, error) {
	objects, err := Objects(manifest)
	if err != nil {
		return nil, err
	}
	var live []Object
	for _, o := range objects {
		got, err := k.ApplyObject(ctx, manager, o)
		if err != nil {
			return live, err
		}
		live = append(live, got)
	}
	return live, nil
}

// ApplyObject applies one object server-side in the name of the field manager, taking fields over from others.
func (k *Kube) ApplyObject(ctx context.Context, manager string, o Object) (Object, error) {
	query := url.Values{"fieldManager": {manager}, "force": {"true"}}
	return k.object(ctx, http.MethodPatch, o.Ref(), query, []byte(o.String()), "application/apply-patch+yaml")
}

// Create makes the object; metadata.generateName serves in place of a name.
func (k *Kube) Create(ctx context.Context, manager string, o Object) (Object, error) {
	ref := o.Ref()
	ref.Name = ""
	return k.object(ctx, http.MethodPost, ref, url.Values{"fieldManager": {manager}}, []byte(o.String()), "application/json")
}

// Patch merges patch, in JSON, into the object (RFC 7386) in the name of the field manager, as kubectl edit does.
func (k *Kube) Patch(ctx context.Context, manager string, ref Ref, patch string) (Object, error) {
	return k.object(ctx, http.MethodPatch, ref, url.Values{"fieldManager": {manager}}, []byte(patch), "application/merge-patch+json")
}

// PatchStatus merges patch, in JSON, into the object's status as its controller or kubelet does.
func (k *Kube) PatchStatus(ctx context.Context, ref Ref, patch string) (Object, error) {
	path, err := k.path(ctx, ref)
	if err != nil {
		return nil, err
	}
	return k.decode(k.do(ctx, http.MethodPatch, path+"/status", nil, []byte(patch), "application/merge-patch+json"))
}

// Delete has the object deleted, what it owns after it. An object with finalizers, or a namespace, goes later.
func (k *Kube) Delete(ctx context.Context, ref Ref) error {
	_, err := k.object(ctx, http.MethodDelete, ref, nil, []byte(`{"propagationPolicy":"Background"}`), "application/json")
	return err
}

// DeleteAll has all objects of a kind deleted in a namespace.
func (k *Kube) DeleteAll(ctx context.Context, ref Ref) error {
	ref.Name = ""
	_, err := k.object(ctx, http.MethodDelete, ref, nil, nil, "")
	return err
}

// Raw returns what the API server answers to a GET of path.
func (k *Kube) Raw(ctx context.Context, path string, query url.Values) ([]byte, error) {
	body, err := k.do(ctx, http.MethodGet, path, query, nil, "")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// post posts o to path.
func (k *Kube) post(ctx context.Context, path string, o Object) (Object, error) {
	return k.decode(k.do(ctx, http.MethodPost, path, nil, []byte(o.String()), "application/json"))
}

// object makes one request for the object or, without a name, the collection that ref names.
func (k *Kube) object(ctx context.Context, method string, ref Ref, query url.Values, body []byte, contentType string) (Object, error) {
	path, err := k.path(ctx, ref)
	if err != nil {
		return nil, err
	}
	return k.decode(k.do(ctx, method, path, query, body, contentType))
}

// decode reads an answer.
func (k *Kube) decode(body io.ReadCloser, err error) (Object, error) {
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var o Object
	if err := json.NewDecoder(body).Decode(&o); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", k.url, err)
	}
	return o, nil
}

// do makes one request and returns the answer's body, or what the API server says against it.
func (k *Kube) do(ctx context.Context, method, path string, query url.Values, body []byte, contentType string) (io.ReadCloser, error) {
	target := k.url + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+k.token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := k.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	said := &StatusError{Request: method + " " + path}
	if json.Unmarshal(text, said) != nil || said.Message == "" {
		said.Message = string(text)
	}
	said.Code = resp.StatusCode
	return nil, said
}

// path returns the path of the object or, without a name, the collection that ref names.
func (k *Kube) path(ctx context.Context, ref Ref) (string, error) {
	res, err := k.discover(ctx, ref.APIVersion, ref.Kind)
	if err != nil {
		return "", err
	}
	path := root(ref.APIVersion)
	if res.Namespaced && ref.Namespace != "" {
		path += "/namespaces/" + url.PathEscape(ref.Namespace)
	}
	if res.Namespaced && ref.Namespace == "" && ref.Name != "" {
		return "", fmt.Errorf("%s lives in a namespace; name it", ref)
	}
	path += "/" + res.Name
	if ref.Name != "" {
		path += "/" + url.PathEscape(ref.Name)
	}
	return path, nil
}

// root returns the path below which an API version is served.
func root(apiVersion string) string {
	if strings.Contains(apiVersion, "/") {
		return "/apis/" + apiVersion
	}
	return "/api/" + apiVersion
}

// discover returns the resource of a kind, asking the API server once for each API version, and again for kinds that
// may be new.
func (k *Kube) discover(ctx context.Context, apiVersion, kind string) (resource, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if res, ok := find(k.resources[apiVersion], kind); ok {
		return res, nil
	}
	text, err := k.Raw(ctx, root(apiVersion), nil)
	if err != nil {
		return resource{}, fmt.Errorf("discover %s %s: %w", apiVersion, kind, err)
	}
	var list struct{ Resources []resource }
	if err := json.Unmarshal(text, &list); err != nil {
		return resource{}, fmt.Errorf("discover %s %s: %w", apiVersion, kind, err)
	}
	k.resources[apiVersion] = list.Resources
	if res, ok := find(list.Resources, kind); ok {
		return res, nil
	}
	return resource{}, fmt.Errorf("the API server knows no kind %s in %s; is its definition there?", kind, apiVersion)
}

// find returns the resource of a kind itself; a subresource has a slash in its name.
func find(resources []resource, kind string) (resource, bool) {
	for _, r := range resources {
		if r.Kind == kind && !strings.Contains(r.Name, "/") {
			return r, true
		}
	}
	return resource{}, false
}
