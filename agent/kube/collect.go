package kube

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
)

// collector takes what collect finds.
type collector struct {
	begin  func()                         // a complete list begins: what was seen before may be gone
	seen   func(raw []byte, deleted bool) // one object, from the list or a change; raw is not kept
	listed func()                         // the list is complete
}

// collect lists all objects that query selects and then follows their changes, until ctx is done or the API
// server says that
// the agent may not. Nothing is retained.
func (c *Client) collect(ctx context.Context, res agent.Resource, namespace string, query url.Values, to collector) error {
	pause := backoff.Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second}
	for ctx.Err() == nil {
		err := c.collectTurn(ctx, res, namespace, query, to)
		if err == nil {
			pause.Reset()
			continue
		}
		if agent.ReasonOf(err) == agent.ReasonForbidden {
			return err
		}
		if ctx.Err() == nil {
			c.log.Debug("a watch broke; it is opened again by itself", "kind", res.Kind, "namespace", namespace, "err", err)
		}
		if pause.Wait(ctx, nil) != nil {
			break
		}
	}
	return nil
}

func (c *Client) collectTurn(ctx context.Context, res agent.Resource, namespace string, query url.Values, to collector) error {
	to.begin()
	query = maps.Clone(query) // to watch, more is added to it
	version, err := c.listAll(ctx, res, namespace, query, func(raw []byte) { to.seen(raw, false) })
	if err != nil {
		return err
	}
	to.listed()
	w := &watch{client: c, res: res, version: version}
	_, err = w.followRaw(ctx, collectionPath(res, namespace), query, acceptJSON, func(kind string, raw json.RawMessage) (bool, error) {
		to.seen(raw, kind == deletedEvent)
		return false, nil
	})
	return err
}

// listAll gives each object that query selects, one at a time, and the version of the list.
func (c *Client) listAll(ctx context.Context, res agent.Resource, namespace string, query url.Values, each func(raw []byte)) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	resp, err := c.open(ctx, call{method: http.MethodGet, path: collectionPath(res, namespace), query: query, accept: acceptJSON})
	if err != nil {
		return "", err
	}
	defer drain(resp.Body)
	meta, err := decodeList(resp.Body, func(item json.RawMessage) error {
		each(item)
		return nil
	})
	return meta.ResourceVersion, err
}
