package kube

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/drover-dev/drover/agent"
)

// Request is one request of a package below this one. A Body is that of a server-side apply.
type Request struct {
	Method, Path, Accept string
	Query                url.Values
	Body                 []byte
	Secret               bool // the answer may quote what must not be shown
}

// Open sends a request and returns its answer, if that is a success, for the caller to read and close.
func Open(ctx context.Context, c *Client, r Request) (*http.Response, error) {
	return c.open(ctx, call{method: r.Method, path: r.Path, query: r.Query, accept: cmp.Or(r.Accept, acceptJSON),
		contentType: applyType, body: r.Body, secret: r.Secret})
}

// Preferred are the kinds that are known to be served, each in the version that the server prefers.
func Preferred(c *Client) []agent.Resource {
	c.kinds.mu.Lock()
	defer c.kinds.mu.Unlock()
	return slices.Collect(maps.Values(c.kinds.first))
}
