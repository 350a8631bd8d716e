package api

import (
	"context"
	"net/http"
	"net/url"
)

// WhoAmI asks who the client is.
func WhoAmI(ctx context.Context, c Client) (Identity, error) {
	var out Identity
	return out, c.do(ctx, http.MethodGet, "/api/v1/auth/whoami", nil, &out)
}

// CanI asks whether the client may do something: with a verb, a resource, and perhaps a cluster and a project.
func CanI(ctx context.Context, c Client, ask url.Values) (Verdict, error) {
	var out Verdict
	return out, c.do(ctx, http.MethodGet, "/api/v1/auth/can-i?"+ask.Encode(), nil, &out)
}

// RightsOf asks for everything that the client may do.
func RightsOf(ctx context.Context, c Client) ([]Right, error) {
	var out []Right
	return out, c.do(ctx, http.MethodGet, "/api/v1/auth/rights", nil, &out)
}
