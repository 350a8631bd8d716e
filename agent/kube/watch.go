package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

const (
	pageSize = 500
	// A watch is opened again after 55 to 60 minutes: that is the only request of an agent at rest. The spread keeps
	// the watches of one agent, and the agents of a fleet, apart.
	watchMin    = 55 * time.Minute
	watchSpread = 5 * time.Minute
)

// errExpired says that the API server no longer knows the version a watch should go on from.
var errExpired = errors.New("the version to watch from has expired")

// Watch tells sight of every object of res that is labelled as Drover's, in one namespace or, if that is "", in all,
// until ctx is done. Their health is judged by rules, where there is one for them.
func (c *Client) Watch(ctx context.Context, res agent.Resource, namespace string, rules agent.Rules, sight func(agent.Sighting)) {
	tell := func(s agent.Sighting) {
		s.Namespace = namespace
		sight(s)
	}
	w := &watch{client: c, res: res, namespace: namespace, rules: rules, sight: tell}
	w.run(ctx)
}

// definitions are read by their metadata: that they change is all that is asked of them.
var definitions = agent.Resource{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition", Plural: "customresourcedefinitions"}

// Definitions calls changed with the name of every definition that comes or changes, until ctx is done.
func (c *Client) Definitions(ctx context.Context, changed func(name string)) {
	w := &watch{client: c, res: definitions, foreign: true, sight: func(s agent.Sighting) {
		if s.Kind == agent.SightObject {
			changed(s.Live.Ref.Name)
		}
	}}
	w.run(ctx)
}

// run watches until ctx is done, from where it was after the watch broke.
func (w *watch) run(ctx context.Context) {
	pause := backoff.Backoff{Min: 100 * time.Millisecond, Max: 30 * time.Second}
	for ctx.Err() == nil {
		err := w.turn(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			pause.Reset()
			continue
		case errors.Is(err, errExpired):
			w.version = ""
		case w.held > time.Minute:
			pause.Reset()
		}
		w.sight(agent.Sighting{Kind: agent.SightLost, Resource: w.res, Err: err, At: time.Now()})
		if pause.Wait(ctx, nil) != nil {
			return
		}
	}
}

// watch is the watching of one kind.
type watch struct {
	client    *Client
	res       agent.Resource
	namespace string // "" for all
	rules     agent.Rules
	sight     func(agent.Sighting)
	version   string        // to go on from; "" to list first
	held      time.Duration // how long the last stream lasted
	foreign   bool          // objects that are not Drover's, too; metadata alone
}

// whole says whether objects are read as a whole.
func (w *watch) whole() bool { return !w.foreign && (hasHealth(w.res) || !w.rules.None()) }

// turn lists if it must, and then follows the changes until the stream ends.
func (w *watch) turn(ctx context.Context) error {
	w.held = 0
	if w.version == "" {
		if err := w.list(ctx); err != nil {
			return fmt.Errorf("list %s: %w", w.res.Plural, err)
		}
	}
	start := time.Now()
	err := w.follow(ctx)
	w.held = time.Since(start)
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.res.Plural, err)
	}
	return nil
}

func (w *watch) query() url.Values {
	if w.foreign {
		return url.Values{}
	}
	return url.Values{"labelSelector": {fleet.LabelApp}}
}

// list tells all objects there are, page by page and item by item.
func (w *watch) list(ctx context.Context) error {
	w.sight(agent.Sighting{Kind: agent.SightListing, Resource: w.res})
	next, version := "", ""
	for {
		query := w.query()
		query.Set("limit", strconv.Itoa(pageSize))
		if next != "" {
			query.Set("continue", next)
		}
		page, err := w.page(ctx, query)
		if err != nil {
			return err
		}
		if version == "" {
			version = page.ResourceVersion // all pages are of the state that the first one showed
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	if parseVersion(version) == 0 {
		return errors.New("the list has no version: it is not taken as complete")
	}
	w.version = version
	w.sight(agent.Sighting{Kind: agent.SightListed, Resource: w.res, Live: agent.Live{Version: parseVersion(version)}})
	return nil
}

func (w *watch) page(ctx context.Context, query url.Values) (listMeta, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	accept := acceptJSON
	if !w.whole() {
		accept = acceptMetaList + "," + acceptJSON
	}
	resp, err := w.client.open(ctx, call{method: http.MethodGet, path: collectionPath(w.res, w.namespace), query: query, accept: accept})
	if err != nil {
		return listMeta{}, err
	}
	defer drain(resp.Body)
	at := time.Now()
	return decodeList(resp.Body, func(raw json.RawMessage) error {
		s, err := w.decode(raw)
		if err != nil {
			return err
		}
		s.At = at
		w.sight(s)
		return nil
	})
}

// decode reads one object as far as it is asked for.
func (w *watch) decode(raw []byte) (agent.Sighting, error) {
	if !w.foreign {
		return ruled(w.res, w.rules, raw)
	}
	var p partial
	err := json.Unmarshal(raw, &p)
	return agent.Sighting{Kind: agent.SightObject, Resource: w.res, Live: agent.Live{Ref: protocol.ObjectRef{Name: p.Metadata.Name}}}, err
}

// follow tells the changes of one stream.
func (w *watch) follow(ctx context.Context) error {
	accept := acceptJSON
	if !w.whole() {
		accept = acceptMetadata + "," + acceptJSON
	}
	_, err := w.followRaw(ctx, collectionPath(w.res, w.namespace), w.query(), accept, func(kind string, raw json.RawMessage) (bool, error) {
		if kind == openedEvent {
			w.sight(agent.Sighting{Kind: agent.SightWatching, Resource: w.res})
			return false, nil
		}
		s, err := w.decode(raw)
		if err != nil {
			return false, err
		}
		s.At = time.Now()
		if kind == deletedEvent {
			s.Kind = agent.SightGone
		}
		w.sight(s)
		return false, nil
	})
	return err
}

// The kinds of events in a stream.
const (
	openedEvent   = "" // our own: the stream holds
	deletedEvent  = "DELETED"
	bookmarkEvent = "BOOKMARK"
	errorEvent    = "ERROR"
)

// event is one change in a stream.
type event struct {
	Type   string
	Object json.RawMessage
}

// followRaw reads one stream of changes to its end, or until tell says that it was enough. A stream that ends at
// the time it was asked to is no error.
func (w *watch) followRaw(ctx context.Context, path string, query url.Values, accept string, tell func(kind string, raw json.RawMessage) (enough bool, err error)) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	query.Set("watch", "true")
	query.Set("allowWatchBookmarks", "true")
	query.Set("resourceVersion", w.version)
	query.Set("timeoutSeconds", strconv.Itoa(int((watchMin + rand.N(watchSpread)).Seconds())))
	resp, err := w.client.open(ctx, call{method: http.MethodGet, path: path, query: query, accept: accept})
	if err != nil {
		return false, expired(err)
	}
	defer func() { _ = resp.Body.Close() }() // a stream has no rest worth reading
	if w.sight != nil {
		if enough, err := tell(openedEvent, nil); enough || err != nil {
			return enough, err
		}
	}
	start := time.Now()
	dec := json.NewDecoder(resp.Body)
	for {
		var e event
		if err := dec.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) && time.Since(start) >= watchMin {
				return false, nil
			}
			return false, unreachable(err)
		}
		if err := w.advance(e); err != nil {
			return false, err
		}
		if e.Type == bookmarkEvent {
			continue
		}
		if enough, err := tell(e.Type, e.Object); enough || err != nil {
			return enough, err
		}
	}
}

// advance notes the version that an event brings, or the error that it is.
func (w *watch) advance(e event) error {
	if e.Type == errorEvent {
		var st status
		if err := json.Unmarshal(e.Object, &st); err != nil {
			return unreachable(err)
		}
		return expired(explain(st))
	}
	var p struct {
		Metadata struct{ ResourceVersion string }
	}
	if err := json.Unmarshal(e.Object, &p); err != nil {
		return unreachable(err)
	}
	if parseVersion(p.Metadata.ResourceVersion) != 0 {
		w.version = p.Metadata.ResourceVersion
	}
	return nil
}

func expired(err error) error {
	if agent.ReasonOf(err) == agent.ReasonExpired {
		return errExpired
	}
	return err
}
