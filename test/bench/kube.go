package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// client speaks with an API server as briefly as can be: what Drover is held against should not be slowed by a library.
type client struct {
	url, token string
	http       *http.Client
}

func newClient(plane *testenv.ControlPlane) *client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(plane.CA)
	return &client{plane.URL, plane.Token, &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true, DisableCompression: true}}}
}

// plurals are the kinds that the bench's apps are made of, by the API that serves them.
var plurals = map[string]string{
	"v1/Namespace": "/api/v1/namespaces", "v1/ConfigMap": "/api/v1/configmaps", "v1/Service": "/api/v1/services",
	"v1/ServiceAccount": "/api/v1/serviceaccounts", "apps/v1/Deployment": "/apis/apps/v1/deployments",
	"policy/v1/PodDisruptionBudget":      "/apis/policy/v1/poddisruptionbudgets",
	"networking.k8s.io/v1/NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies",
}

// path is where the object that ref names is served, or all of its kind if it names none.
func path(ref testenv.Ref) string {
	all := plurals[ref.APIVersion+"/"+ref.Kind]
	if ref.Namespace != "" {
		at := strings.LastIndexByte(all, '/')
		all = all[:at] + "/namespaces/" + ref.Namespace + all[at:]
	}
	return strings.TrimSuffix(all+"/"+ref.Name, "/")
}

const metadataOnly = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// object is one to apply, encoded beforehand.
type object struct {
	ref  testenv.Ref
	body []byte
}

// apply applies an object server-side. Only its metadata is answered, as Drover asks for.
func (c *client) apply(ctx context.Context, o object) error {
	return c.patch(ctx, o.ref, "application/apply-patch+yaml", "bare", o.body)
}

// edit merges a patch into an object in the name of a field manager, as kubectl edit does.
func (c *client) edit(ctx context.Context, ref testenv.Ref, manager, patch string) error {
	return c.patch(ctx, ref, "application/merge-patch+json", manager, []byte(patch))
}

func (c *client) patch(ctx context.Context, ref testenv.Ref, kind, manager string, body []byte) error {
	query := url.Values{"fieldManager": {manager}}
	if strings.Contains(kind, "apply") {
		query.Set("force", "true")
	}
	resp, err := c.do(ctx, http.MethodPatch, path(ref)+"?"+query.Encode(), call{metadataOnly, kind, body})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// call is what is sent, and how the answer shall be.
type call struct {
	accept, contentType string
	body                []byte
}

func (c *client) do(ctx context.Context, method, path string, k call) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(k.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", k.accept)
	if k.contentType != "" {
		req.Header.Set("Content-Type", k.contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 2000)) // less of it is said, then
	return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, said)
}

// sighting is a change that a watch showed.
type sighting struct {
	object  testenv.Object
	deleted bool
	at      time.Time
}

// watch tells of every change of a kind (in a namespace, if ref names one) from now on. The channel is closed when the
// stream ends, which it does not by itself as long as a measure takes.
func (c *client) watch(ctx context.Context, ref testenv.Ref) (<-chan sighting, error) {
	return c.follow(ctx, ref, "application/json")
}

// watchMetadata is watch with the metadata of objects alone.
func (c *client) watchMetadata(ctx context.Context, ref testenv.Ref) (<-chan sighting, error) {
	return c.follow(ctx, ref, metadataOnly)
}

func (c *client) follow(ctx context.Context, ref testenv.Ref, accept string) (<-chan sighting, error) {
	resp, err := c.do(ctx, http.MethodGet, path(ref)+"?limit=1", call{accept: "application/json"})
	if err != nil {
		return nil, err
	}
	var list testenv.Object
	err = json.NewDecoder(resp.Body).Decode(&list)
	resp.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path(ref), err)
	}
	query := url.Values{"watch": {"true"}, "resourceVersion": {list.Text("metadata", "resourceVersion")}, "timeoutSeconds": {"86400"}}
	resp, err = c.do(ctx, http.MethodGet, path(ref)+"?"+query.Encode(), call{accept: accept})
	if err != nil {
		return nil, err
	}
	out := make(chan sighting, 4096)
	go func() {
		defer close(out)
		defer resp.Body.Close()
		events := json.NewDecoder(resp.Body)
		for {
			var e struct {
				Type   string
				Object testenv.Object
			}
			if events.Decode(&e) != nil {
				return
			}
			select {
			case out <- sighting{e.Object, e.Type == "DELETED", time.Now()}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// patience is how long anything is waited for.
const patience = 60 * time.Second

// await waits for a change that is as wanted.
func await(ctx context.Context, from <-chan sighting, what string, wanted func(testenv.Object) bool) (sighting, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case s, ok := <-from:
			if !ok {
				return s, fmt.Errorf("wait for %s: the watch ended", what)
			}
			if !s.deleted && wanted(s.object) {
				return s, nil
			}
		case <-limit.C:
			return sighting{}, fmt.Errorf("waited %s for %s in vain", patience, what)
		case <-ctx.Done():
			return sighting{}, context.Cause(ctx)
		}
	}
}
