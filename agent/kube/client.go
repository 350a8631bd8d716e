package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/version"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/transport"
)

const (
	// requestTimeout is longer than an admission webhook may take (30 s).
	requestTimeout = 40 * time.Second
	// busyTries is how often a request that the server has no time for is sent again before that is an error.
	busyTries = 4
)

// The representations that are asked for.
const (
	acceptJSON     = "application/json"
	acceptMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	acceptMetaList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	applyType      = "application/apply-patch+yaml" // which JSON is, too
)

// Client speaks with one API server. It is safe for concurrent use.
type Client struct {
	http   *http.Client
	base   *url.URL
	log    *slog.Logger
	kinds  *kinds
	tools  *tools
	access agent.Access
}

var (
	_ agent.Cluster = (*Client)(nil)
	_ agent.Objects = (*Client)(nil)
)

// With is the same client, over the same connections, with another access.
func (c *Client) With(access agent.Access) agent.Objects {
	other := *c
	other.access = access
	return &other
}

// LoadConfig reads a kubeconfig file or, without one, what a pod is given by its service account.
func LoadConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		cfg, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("reach the API server as a pod: %w; outside of a cluster name a kubeconfig with --kubeconfig", err)
		}
		// HTTPS_PROXY is for the way out to the hub. The API server is in here, where no proxy reaches it.
		cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
		return cfg, nil
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", kubeconfig, err)
	}
	return cfg, nil
}

// New prepares a client. Nothing is asked of the API server yet.
func New(cfg *rest.Config, log *slog.Logger) (*Client, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = "drover-agent/" + version.String()
	cfg.DisableCompression = true // it costs the API server more than a cluster's own network does
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection to %s: %w", cfg.Host, err)
	}
	tls := cfg.CAFile != "" || len(cfg.CAData) > 0 || cfg.Insecure
	base, _, err := rest.DefaultServerURL(cfg.Host, "", schema.GroupVersion{}, tls)
	if err != nil {
		return nil, fmt.Errorf("the API server's address %q: %w", cfg.Host, err)
	}
	return &Client{http: hc, base: base, log: log, kinds: &kinds{}, tools: &tools{}}, nil
}

// call is one request.
type call struct {
	method, path string
	query        url.Values
	accept       string
	contentType  string
	body         []byte
	secret       bool // the answer may quote what must not be shown
}

// open sends a call and returns its answer, if that is a success, for the caller to read and close.
func (c *Client) open(ctx context.Context, k call) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := c.send(ctx, k)
		var refused *agent.Failure
		if errors.As(err, &refused) { // a token of the leader
			return nil, refused
		}
		if err != nil {
			return nil, unreachable(err)
		}
		if resp.StatusCode < 300 {
			return resp, nil
		}
		k.secret = k.secret || c.access.Secret
		failure := readFailure(resp, k)
		if failure.After == 0 || try == busyTries {
			return nil, failure
		}
		select {
		case <-ctx.Done():
			return nil, failure
		case <-time.After(failure.After):
		}
	}
}

func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	u := *c.base
	u.Path = singleSlash(u.Path) + k.path
	u.RawQuery = k.query.Encode()
	req, err := http.NewRequestWithContext(ctx, k.method, u.String(), bytes.NewReader(k.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", k.accept)
	if k.contentType != "" {
		req.Header.Set("Content-Type", k.contentType)
	}
	if account := c.access.Account; account != "" {
		// No groups are named: the API server then adds those of the service account, and the right to impersonate
		// that is all it takes.
		req.Header.Set(transport.ImpersonateUserHeader, "system:serviceaccount:"+strings.Replace(account, "/", ":", 1))
	}
	return c.http.Do(req)
}

// do sends a call and decodes its answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, k call, out any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := c.open(ctx, k)
	if err != nil {
		return 0, err
	}
	defer drain(resp.Body)
	if out == nil {
		return resp.StatusCode, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return resp.StatusCode, unreachable(fmt.Errorf("read the answer to %s %s: %w", k.method, k.path, err))
	}
	return resp.StatusCode, nil
}

// Version is that of the API server, as v1.37.2.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v struct{ GitVersion string }
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/version", accept: acceptJSON}, &v)
	return v.GitVersion, err
}

// UID implements agent.Identifier.
func (c *Client) UID(ctx context.Context) (string, error) {
	var ns struct {
		Metadata struct {
			UID string `json:"uid"`
		} `json:"metadata"`
	}
	_, err := c.do(ctx, call{method: http.MethodGet, path: "/api/v1/namespaces/kube-system", accept: acceptJSON}, &ns)
	return ns.Metadata.UID, err
}

// drain reads what is left of a body, so that its connection can be used again.
func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, 64<<10)) // nothing depends on it
	_ = body.Close()
}

func singleSlash(path string) string {
	if path == "/" {
		return ""
	}
	return path
}

// parseVersion reads a resourceVersion. They are decimal numbers that rise, since Kubernetes 1.35 by contract.
func parseVersion(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
