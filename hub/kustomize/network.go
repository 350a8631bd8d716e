package kustomize

import (
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
)

var errNetwork = errors.New("kustomize may not use the network")

// networkDenied says that kustomize asked for an address since it was last looked at. Builds take turns.
var networkDenied atomic.Bool

// init takes the network from kustomize's file loader, for the whole process. Its HTTP client is made
// in an internal package and always uses http.DefaultTransport, and what it is told to fetch
// can be put together during a build, where no inspection of files sees it (a transformer's
// configuration may itself come out of a kustomization with replacements). So the transport looks
// who is calling. Other requests are as before. It is done here because the transport
// may not be changed once it is in use.
func init() {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return
	}
	next := t.Proxy
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if calledFrom("sigs.k8s.io/kustomize/") {
			networkDenied.Store(true)
			return nil, errNetwork
		}
		if next == nil {
			return nil, nil
		}
		return next(r)
	}
}
