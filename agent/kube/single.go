package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
)

// single follows one object by name with a watch of its own, and nothing else, until seen says that it was enough
// or ctx is done. seen gets nil while the object is not there.
func (c *Client) single(ctx context.Context, res agent.Resource, namespace, name string, seen func(raw []byte) (enough bool)) {
	c.named(ctx, res, namespace, name, acceptJSON, acceptJSON, seen)
}

// named is single with the representations of lists and of objects that are asked for.
func (c *Client) named(ctx context.Context, res agent.Resource, namespace, name, list, one string, seen func(raw []byte) (enough bool)) {
	pause := backoff.Backoff{Min: 500 * time.Millisecond, Max: 15 * time.Second}
	for ctx.Err() == nil {
		enough, err := c.singleTurn(ctx, res, namespace, name, list, one, seen)
		switch {
		case enough:
			return
		case err == nil:
			pause.Reset()
			continue
		}
		c.log.Debug("a watch broke; it is opened again by itself", "object", res.Kind+"/"+namespace+"/"+name, "err", err)
		if pause.Wait(ctx, nil) != nil {
			return
		}
	}
}

// singleTurn looks at the object and then follows one stream of its changes.
func (c *Client) singleTurn(ctx context.Context, res agent.Resource, namespace, name, list, one string, seen func([]byte) bool) (enough bool, err error) {
	query := url.Values{"fieldSelector": {"metadata.name=" + name}}
	item, version, err := c.look(ctx, res, namespace, list, query)
	if err != nil {
		return false, err
	}
	if seen(item) {
		return true, nil
	}
	w := &watch{client: c, res: res, version: version}
	return w.followRaw(ctx, collectionPath(res, namespace), query, one, func(kind string, raw json.RawMessage) (bool, error) {
		if kind == deletedEvent {
			raw = nil
		}
		return seen(raw), nil
	})
}

// look lists the one object that query selects; raw is nil if it is not there.
func (c *Client) look(ctx context.Context, res agent.Resource, namespace, accept string, query url.Values) (raw []byte, version string, err error) {
	meta, err := c.list(ctx, call{method: http.MethodGet, path: collectionPath(res, namespace), query: query, accept: accept}, func(item json.RawMessage) error {
		raw = append(raw[:0], item...)
		return nil
	})
	return raw, meta.ResourceVersion, err
}
