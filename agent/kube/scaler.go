package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

var scalers = agent.Resource{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler", Plural: "horizontalpodautoscalers", Namespaced: true}

// scaler is what is read of a HorizontalPodAutoscaler.
type scaler struct {
	Metadata struct{ Namespace, Name string }
	Spec     struct {
		ScaleTargetRef struct{ APIVersion, Kind, Name string }
	}
}

func readScaler(raw []byte) (agent.Scaler, error) {
	var s scaler
	if err := json.Unmarshal(raw, &s); err != nil {
		return agent.Scaler{}, fmt.Errorf("decode a HorizontalPodAutoscaler: %w", err)
	}
	t := s.Spec.ScaleTargetRef
	return agent.Scaler{Namespace: s.Metadata.Namespace, Name: s.Metadata.Name,
		Target: protocol.ObjectRef{Group: fleet.GroupOf(t.APIVersion), Kind: t.Kind, Namespace: s.Metadata.Namespace, Name: t.Name}}, nil
}

// Scalers tells of every HorizontalPodAutoscaler in one namespace or, if that is "", in all, until ctx is done.
func (c *Client) Scalers(ctx context.Context, namespace string, tell func(agent.SightingKind, agent.Scaler)) {
	w := &watch{client: c, res: scalers, namespace: namespace}
	pause := backoff.Backoff{Min: time.Second, Max: 5 * time.Minute} // an old or scoped cluster may never show them
	for ctx.Err() == nil {
		err := w.scalers(ctx, tell)
		if err == nil {
			pause.Reset()
			continue
		}
		w.version = "" // what went meanwhile is not in the next list
		tell(agent.SightLost, agent.Scaler{})
		c.log.Debug("autoscalers cannot be watched at the moment; retrying", "err", err)
		if pause.Wait(ctx, nil) != nil {
			return
		}
	}
}

// scalers lists if it must, and then follows the changes until the stream ends.
func (w *watch) scalers(ctx context.Context, tell func(agent.SightingKind, agent.Scaler)) error {
	path := collectionPath(w.res, w.namespace)
	if w.version == "" {
		if err := w.listScalers(ctx, path, tell); err != nil {
			return err
		}
	}
	_, err := w.followRaw(ctx, path, url.Values{}, acceptJSON, func(kind string, raw json.RawMessage) (bool, error) {
		s, err := readScaler(raw)
		if err != nil {
			return false, err
		}
		if kind == deletedEvent {
			tell(agent.SightGone, s)
		} else {
			tell(agent.SightObject, s)
		}
		return false, nil
	})
	return err
}

func (w *watch) listScalers(ctx context.Context, path string, tell func(agent.SightingKind, agent.Scaler)) error {
	tell(agent.SightListing, agent.Scaler{})
	next := ""
	for {
		query := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if next != "" {
			query.Set("continue", next)
		}
		page, err := w.client.list(ctx, call{method: http.MethodGet, path: path, query: query, accept: acceptJSON}, func(raw json.RawMessage) error {
			s, err := readScaler(raw)
			if err == nil {
				tell(agent.SightObject, s)
			}
			return err
		})
		if err != nil {
			return err
		}
		if next = page.Continue; next == "" {
			w.version = page.ResourceVersion
			tell(agent.SightListed, agent.Scaler{})
			return nil
		}
	}
}
