package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/people"
)

// storing sends a copy of the hub's store: with the keys of the hub it is all that the shared token can do.
func storing(s *Server) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(storeTimeout))
		w.Header().Set("Content-Type", "application/octet-stream")
		if _, err := s.Store.WriteTo(w); err != nil {
			s.Log.Warn("a copy of the hub's store was not sent to its end", "err", err)
			panic(http.ErrAbortHandler) // so that who asked does not take it for whole
		}
	}
}

// watching sends the fleet as server-sent events: now, and after every change.
func watching(s *Server) http.HandlerFunc {
	watchers := &atomic.Int64{}
	return func(w http.ResponseWriter, r *http.Request) {
		sel, err := selectorOf(r)
		defer watchers.Add(-1)
		if n := watchers.Add(1); err == nil && n > maxWatchers {
			err = failure{http.StatusServiceUnavailable, fmt.Sprintf("%d live answers are being given already, and no more "+
				"are: end some `drover status --watch`, or ask without --watch", maxWatchers)}
		}
		if err != nil {
			s.answer(w, nil, err)
			return
		}
		s.watch(w, r, sel)
	}
}

func (s *Server) watch(w http.ResponseWriter, r *http.Request, sel selector.Selector) {
	who, _ := people.Of(r.Context())
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{}) // it goes on for longer than a request may take to read
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if !who.Until.IsZero() {
		ctx, cancel = context.WithDeadline(r.Context(), who.Until)
	}
	defer cancel()
	for {
		changed := s.State.Changed()
		data, err := json.Marshal(s.fleet(r, access.Watch, sel))
		if err != nil {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(w, "event: fleet\ndata: %s\n\n", s.forPeople(data)); err != nil || conn.Flush() != nil {
			return
		}
		if !awaits(ctx, s, r, changed) || !awaits(ctx, s, r, time.After(quiet)) {
			return
		}
		if ok, _ := s.sight().policy().Allowed(who.Caller, access.Watch, access.Clusters, access.Anywhere()); !ok {
			return
		}
	}
}

// awaits waits until something happens. It is false where nobody asks any more, or the token of the request was revoked
// or has expired: no answer goes on with it.
func awaits[T any](ctx context.Context, s *Server, r *http.Request, happens <-chan T) bool {
	for {
		revoked := s.People.Revoked()
		if _, refused := s.who(r); refused != nil {
			return false
		}
		select {
		case <-happens:
			return ctx.Err() == nil
		case <-revoked: // this one, or another
		case <-ctx.Done():
			return false
		}
	}
}

// maxExports is how many exports of the journal are written at once: each of them is in memory.
const maxExports = 2

// exporting sends the journal.
func exporting(s *Server) http.HandlerFunc {
	places := make(chan struct{}, maxExports)
	return func(w http.ResponseWriter, _ *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			s.answer(w, nil, failure{http.StatusServiceUnavailable,
				"the journal is being sent to others: try again in a moment"})
			return
		}
		if s.Journal == nil {
			s.answer(w, nil, failure{http.StatusNotFound, "this hub keeps no journal of decisions"})
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(storeTimeout))
		w.Header().Set("Content-Type", "application/x-ndjson")
		if _, err := s.Journal.WriteTo(w); err != nil {
			s.Log.Warn("the journal of decisions was not sent to its end", "err", err)
			panic(http.ErrAbortHandler) // so that the client does not take it for whole
		}
	}
}
