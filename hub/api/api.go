// Package api is the hub's HTTP API: the questions of fleet/query as JSON, live answers as server-sent events, and
// the few things a person may ask the hub to do. Its clients send the token that the hub wrote into its data
// directory.
//
// It may import hub, fleet and protocol. Client is the other side of it, for the command line.
package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

// Fleet answers "how are my clusters?".
type Fleet struct {
	Source   hub.SourceStatus `json:"source"`
	Time     time.Time        `json:"time"` // the hub's clock, when it answered
	Clusters []query.Row      `json:"clusters"`
}

// Detail answers "how is this one?".
type Detail struct {
	query.Row
	Time     time.Time        `json:"time"`
	Source   hub.SourceStatus `json:"source"`
	Identity hub.Identity     `json:"identity"`
	Copy     *query.Copy      `json:"copy,omitempty"` // another cluster that uses its credential
	Problems []string         `json:"problems,omitempty"`
	Notes    []fleet.Note     `json:"notes,omitempty"` // what Git asks for and Drover does not do
	AppRows  []query.AppRow   `json:"appRows"`
	Holds    []query.Hold     `json:"holds,omitempty"`  // what waits for a person's approval here
	Events   []protocol.Event `json:"events,omitempty"` // newest first
	Untaken  query.Untaken    `json:"untaken,omitzero"` // what its agent said and the hub did not take
}

// Failure is the body of every answer that is not 200.
type Failure struct {
	Error string `json:"error"`
}

// quiet is how long a live answer waits for more changes before it is sent: a hundred clusters that report at
// once are one new table, not a hundred.
const quiet = 100 * time.Millisecond

// maxWatchers is how many live answers are given at once.
const maxWatchers = 100

// writeTimeout is how long who asks may take to read an answer, or each part of a live one; storeTimeout, a copy of the
// store.
const (
	writeTimeout = 30 * time.Second
	storeTimeout = 10 * time.Minute
)

// Limit sets the time-outs of a server for the API: who connects and says nothing, or reads nothing, holds nothing for
// long.
func Limit(s *http.Server) {
	s.ReadHeaderTimeout, s.ReadTimeout, s.IdleTimeout, s.MaxHeaderBytes = 10*time.Second, 30*time.Second, 2*time.Minute, 64<<10
}

// maxBody is how much of a request is read, in bytes.
const maxBody = 1 << 16

// Server answers requests.
type Server struct {
	State      *hub.State
	Identities Identities
	Approve    func(ctx context.Context, id string) (query.Hold, error)
	Held       func(ctx context.Context, id string) (query.Hold, error) // as Approve would let it through
	Forget     func(ctx context.Context, cluster string) error
	Rollouts   Rollouts
	Accept     func(ctx context.Context, cluster, uid string) (query.Copy, error)
	Poke       func()         // looks at the repository at once
	Trust      protocol.Trust // what clusters are told to trust
	KeysMade   time.Time      // when the hub's keys were made; zero if that is not known
	Store      io.WriterTo    // gives a copy of the hub's store, whose values are encrypted
	Token      string
	Checks     Checks // for /readyz
	Log        *slog.Logger

	watchers atomic.Int64
}

// Handler is the API.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /api/v1/clusters", s.guard(s.clusters))
	mux.HandleFunc("GET /api/v1/clusters/{name}", s.guard(s.cluster))
	mux.HandleFunc("POST /api/v1/clusters/{name}/token", s.guard(s.acting(s.token)))
	mux.HandleFunc("POST /api/v1/clusters/{name}/revoke", s.guard(s.acting(s.revoke)))
	mux.HandleFunc("POST /api/v1/clusters/{name}/rotate", s.guard(s.acting(s.rotate)))
	mux.HandleFunc("POST /api/v1/clusters/{name}/accept", s.guard(s.acting(s.accept)))
	mux.HandleFunc("DELETE /api/v1/clusters/{name}", s.guard(s.acting(s.forget)))
	mux.HandleFunc("POST /api/v1/credentials/end", s.guard(s.acting(s.endFormer)))
	mux.HandleFunc("POST /api/v1/approve", s.guard(s.acting(s.approve)))
	mux.HandleFunc("GET /api/v1/held/{id}", s.guard(s.held))
	r := rolling{s.State, s.Rollouts}
	mux.HandleFunc("GET /api/v1/rollouts", s.guard(r.list))
	mux.HandleFunc("POST /api/v1/rollouts/{policy}", s.guard(s.acting(r.decide)))
	mux.HandleFunc("GET /api/v1/rollouts/{policy}/history", s.guard(r.history))
	mux.HandleFunc("GET /api/v1/trust", s.guard(s.trust))
	mux.HandleFunc("GET /api/v1/store", s.store)
	mux.HandleFunc("POST /api/v1/poke", s.guard(func(*http.Request) (any, error) {
		s.Poke()
		return struct{}{}, nil
	}))
	mux.HandleFunc("GET /api/v1/watch", s.watch)
	return mux
}

func (s *Server) allowed(r *http.Request) bool {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.Token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

var errToken = failure{http.StatusUnauthorized, "the hub does not accept this token: use the one in the hub's data directory " +
	"(client.json), by --data-dir, --token or $DROVER_TOKEN"}

// guard lets in who has the token, and answers in JSON.
func (s *Server) guard(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		var answer any
		err := error(errToken)
		if s.allowed(r) {
			answer, err = h(r)
		}
		s.answer(w, answer, err)
	}
}

// acting lets through what changes something for the fleet, unless another hub is the one that does that.
func (s *Server) acting(h func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		source := s.State.Source()
		if !source.Hub.Acts() {
			why := "it has not found out yet which other hubs there are: try again in a moment"
			if source.Withheld != nil {
				why = source.Withheld.String()
			}
			return nil, failure{http.StatusConflict, "this hub stands back and changes nothing for the fleet: " + why}
		}
		return h(r)
	}
}

func (s *Server) answer(w http.ResponseWriter, answer any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := http.StatusInternalServerError
		var f failure
		if errors.As(err, &f) {
			status = f.status
		}
		w.WriteHeader(status)
		answer = Failure{err.Error()}
	}
	data, err := json.Marshal(answer)
	if err == nil {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) // where there is no deadline, none is missed
		_, err = w.Write(append(s.forPeople(data), '\n'))
	}
	if err != nil {
		s.Log.Debug("an answer was not taken", "err", err)
	}
}

// forPeople is an answer with what people are shown of names and texts.
func (s *Server) forPeople(data []byte) []byte {
	return query.VisibleJSON(s.State.Shown().JSON(data))
}

func selectorOf(r *http.Request) (selector.Selector, error) {
	sel, err := selector.Parse(r.URL.Query().Get("selector"))
	if err != nil {
		return sel, failure{http.StatusBadRequest, err.Error()}
	}
	return sel, nil
}

func (s *Server) clusters(r *http.Request) (any, error) {
	sel, err := selectorOf(r)
	if err != nil {
		return nil, err
	}
	return s.fleet(sel), nil
}

func (s *Server) fleet(sel selector.Selector) Fleet {
	out := Fleet{Source: s.source(), Time: time.Now().UTC(), Clusters: []query.Row{}}
	for _, c := range s.State.Select(sel) {
		c.Distrusted = out.Source.Joins.Distrusted.Count > 0
		out.Clusters = append(out.Clusters, c.Row())
	}
	return out
}

// source is how the hub stands, with what came of requests for credentials: they are counted beside the state, so that
// a client that floods the hub with bad ones does not wake all clients that wait for a change of it.
func (s *Server) source() hub.SourceStatus {
	out := s.State.Source()
	out.Joins = s.Identities.Joins()
	if out.Joins.Distrusted.Count > 0 || !s.KeysMade.IsZero() && len(s.Identities.Clusters()) == 0 {
		out.KeysMade = s.KeysMade
	}
	return out
}

func (s *Server) cluster(r *http.Request) (any, error) {
	c, err := s.find(r)
	if err != nil {
		return nil, err
	}
	source := s.source()
	c.Distrusted = source.Joins.Distrusted.Count > 0
	return Detail{Row: c.Row(), Time: time.Now().UTC(), Source: source, Identity: s.Identities.Identity(c.Name), Copy: c.Copy,
		Problems: c.Problems, Notes: c.Notes, AppRows: c.Apps(), Holds: c.Holds(), Events: c.Journal(),
		Untaken: c.Untaken}, nil
}

func (s *Server) find(r *http.Request) (query.Cluster, error) {
	name := r.PathValue("name")
	c, ok := s.State.Get(name)
	if !ok {
		why := fmt.Sprintf("there is no cluster %.80q: add a folder clusters/%.80s/ to the repository with `drover cluster add %.80s`, or see `drover status` for those there are", name, name, name)
		if src := s.State.Source(); src.Error != "" {
			why += "; the repository cannot be followed: " + src.Error
		} else if src.Revision.Hash == "" {
			why += "; the repository has not been read yet: try again in a moment"
		}
		return c, failure{http.StatusNotFound, why}
	}
	return c, nil
}

// approve lets through what is held under an id, or at a revision.
func (s *Server) approve(r *http.Request) (any, error) {
	var ask struct{ Revision string } // or an id: older clients and hubs have this field alone
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v", err)}
	}
	hold, err := s.Approve(r.Context(), ask.Revision)
	if errors.Is(err, hub.ErrNotHeld) {
		return nil, failure{http.StatusNotFound, err.Error()}
	}
	return hold, err
}

// held says what an approval would let through.
func (s *Server) held(r *http.Request) (any, error) {
	hold, err := s.Held(r.Context(), r.PathValue("id"))
	if errors.Is(err, hub.ErrNotHeld) {
		return nil, failure{http.StatusNotFound, err.Error()}
	}
	return hold, err
}

// forget takes a released cluster off the list.
func (s *Server) forget(r *http.Request) (any, error) {
	err := s.Forget(r.Context(), r.PathValue("name"))
	if errors.Is(err, hub.ErrNotReleased) {
		return nil, failure{http.StatusConflict, err.Error()}
	}
	return struct{}{}, err
}

// store sends a copy of the hub's store.
func (s *Server) store(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(r) {
		s.answer(w, nil, errToken)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(storeTimeout))
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := s.Store.WriteTo(w); err != nil {
		s.Log.Warn("a copy of the hub's store was not sent to its end", "err", err)
		panic(http.ErrAbortHandler) // so that who asked does not take it for whole
	}
}

// watch sends the fleet as server-sent events: now, and after every change.
func (s *Server) watch(w http.ResponseWriter, r *http.Request) {
	sel, err := selectorOf(r)
	if !s.allowed(r) {
		err = errToken
	}
	defer s.watchers.Add(-1)
	if n := s.watchers.Add(1); err == nil && n > maxWatchers {
		err = failure{http.StatusServiceUnavailable, fmt.Sprintf("%d live answers are being given already, and no more are: end some "+
			"`drover status --watch`, or ask without --watch", maxWatchers)}
	}
	flusher, ok := w.(http.Flusher)
	if err != nil || !ok {
		s.answer(w, nil, err)
		return
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{}) // it goes on for longer than a request may take to read
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	for {
		changed := s.State.Changed()
		data, err := json.Marshal(s.fleet(sel))
		if err != nil {
			return
		}
		_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := fmt.Fprintf(w, "event: fleet\ndata: %s\n\n", s.forPeople(data)); err != nil {
			return
		}
		flusher.Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		select {
		case <-time.After(quiet):
		case <-r.Context().Done():
			return
		}
	}
}
