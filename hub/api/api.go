// Package api is the hub's HTTP API: the questions of fleet/query as JSON, live answers as server-sent events, and
// the few things a person may ask the hub to do. Its clients send the token that the hub wrote into its data
// directory, or one that stands for a person.
//
// It may import hub, its packages of rules, fleet and protocol. Client is the other side of it, for the command
// line.
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
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/protocol"
)

// Fleet answers "how are my clusters?".
type Fleet struct {
	Source   hub.SourceStatus `json:"source"`
	Time     time.Time        `json:"time"` // the hub's clock, when it answered
	Clusters []query.Row      `json:"clusters"`
	Webhooks []Webhook        `json:"webhooks,omitempty"`
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
	Token      string         // that all administrators share
	People     *people.Register
	Journal    *audit.Journal // of what people decide; nil if none is kept
	Checks     Checks         // for /readyz
	Webhooks   Webhooks       // nil if none are taken
	Asker      Asker          // asks agents; nil if none are asked
	Metrics    http.Handler   // for Prometheus; nil if there is none
	Log        *slog.Logger

	watchers atomic.Int64
}

// Handler is the API.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.measured)
	mux.HandleFunc("GET /api/v1/clusters", s.guard(s.clusters))
	mux.HandleFunc("GET /api/v1/clusters/{name}", s.guard(s.cluster))
	mux.HandleFunc("POST /api/v1/clusters/{name}/token", s.guard(s.acting(s.token)))
	mux.HandleFunc("POST /api/v1/clusters/{name}/revoke", s.guard(s.acting(s.revoke)))
	mux.HandleFunc("POST /api/v1/clusters/{name}/rotate", s.guard(s.acting(s.rotate)))
	mux.HandleFunc("POST /api/v1/clusters/{name}/accept", s.guard(s.acting(s.accept)))
	a := &asked{find: func(name string) (query.Cluster, error) { return found(s.State, name) },
		shown: s.State.Shown().JSON,
		asker: s.Asker, journal: s.Journal, log: s.Log}
	mux.HandleFunc("POST /api/v1/clusters/{name}/ask", streamed(s, a.serve))
	mux.HandleFunc("DELETE /api/v1/clusters/{name}", s.guard(s.acting(s.forget)))
	mux.HandleFunc("POST /api/v1/credentials/end", s.guard(s.acting(s.endFormer)))
	mux.HandleFunc("POST /api/v1/approve", s.guard(s.acting(s.approve)))
	mux.HandleFunc("GET /api/v1/held/{id}", s.guard(s.held))
	asking{s.State, func() hub.Joins { return s.Identities.Joins() }}.route(mux, s.guard)
	r := rolling{s.State, s.Rollouts}
	mux.HandleFunc("GET /api/v1/rollouts", s.guard(r.list))
	mux.HandleFunc("POST /api/v1/rollouts/{policy}", s.guard(s.acting(r.decide)))
	mux.HandleFunc("GET /api/v1/rollouts/{policy}/history", s.guard(r.history))
	mux.HandleFunc("GET /api/v1/freeze", s.guard(r.frozen))
	mux.HandleFunc("POST /api/v1/freeze", s.guard(s.acting(r.freeze)))
	t := tokens{s.People, s.Journal, s.Log}
	mux.HandleFunc("GET /api/v1/tokens", s.guard(sharedOnly(t.list)))
	mux.HandleFunc("POST /api/v1/tokens", s.guard(s.acting(sharedOnly(t.create))))
	mux.HandleFunc("DELETE /api/v1/tokens/{name}", s.guard(s.acting(sharedOnly(t.revoke))))
	mux.HandleFunc("GET /api/v1/audit", exporting(s))
	mux.HandleFunc("GET /api/v1/trust", s.guard(s.trust))
	mux.HandleFunc("GET /api/v1/store", s.store)
	mux.HandleFunc("POST /api/v1/poke", s.guard(func(*http.Request) (any, error) {
		s.Poke()
		return struct{}{}, nil
	}))
	mux.HandleFunc("GET /api/v1/watch", s.watch)
	mux.Handle("POST /webhook/{kind}", taking(s.Webhooks))
	return mux
}

// who is whose token a request has. An error says why it is let in by none.
func (s *Server) who(r *http.Request) (people.Who, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.Token))
	if s.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		return people.Who{From: r.RemoteAddr}, nil
	}
	if s.People == nil || !people.Looks(token) {
		return people.Who{}, errToken
	}
	who, err := s.People.Authenticate(time.Now(), token)
	if err != nil {
		return people.Who{}, failure{http.StatusUnauthorized, err.Error()}
	}
	who.From = r.RemoteAddr
	return who, nil
}

// guard lets in requests with a token, and answers in JSON. The request says then whose it is (people.Of).
func (s *Server) guard(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		var answer any
		who, err := s.who(r)
		if err == nil {
			answer, err = h(r.WithContext(people.With(r.Context(), who)))
		}
		s.answer(w, answer, err)
	}
}

// streamed lets in requests with a token, unless another hub acts for the fleet, and has h write the answer. An error
// is for one that was not begun.
func streamed(s *Server, h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		who, err := s.who(r)
		if err == nil {
			_, err = s.acting(func(r *http.Request) (any, error) { return nil, h(w, r) })(r.WithContext(people.With(r.Context(),
				who)))
		}
		if err != nil {
			s.answer(w, nil, err)
		}
	}
}

// measured answers Prometheus, which sends a token as any other client does.
func (s *Server) measured(w http.ResponseWriter, r *http.Request) {
	_, err := s.who(r)
	if err == nil && s.Metrics == nil {
		err = failure{http.StatusNotFound, "this hub measures nothing"}
	}
	if err != nil {
		s.answer(w, nil, err)
		return
	}
	s.Metrics.ServeHTTP(w, r)
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
	if s.Webhooks != nil {
		out.Webhooks = s.Webhooks.Counts()
	}
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
	return found(s.State, r.PathValue("name"))
}

// found is a cluster that a request names.
func found(state *hub.State, name string) (query.Cluster, error) {
	c, ok := state.Get(name)
	if !ok {
		why := fmt.Sprintf("there is no cluster %.80q: add a folder clusters/%.80s/ to the repository with `drover cluster add %.80s`, or see `drover status` for those there are", name, name, name)
		if src := state.Source(); src.Error != "" {
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
	held, err := s.Held(r.Context(), ask.Revision)
	if err == nil {
		e := audit.Entry{Kind: "approve", Target: held.Name(), What: held.Text(), Count: len(held.Clusters),
			Clusters: held.Clusters, Apps: map[string]string{}}
		for _, app := range held.Apps {
			e.Apps[app] = "held"
		}
		held, err = noted(s.Journal, r, e, func() (query.Hold, error) { return s.Approve(r.Context(), held.Name()) })
	}
	if errors.Is(err, hub.ErrNotHeld) {
		return nil, failure{http.StatusNotFound, err.Error()}
	}
	return held, err
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
	name := r.PathValue("name")
	if err := protocol.CheckName(name); err != nil {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("there is no cluster %.80q: %v", name, err)}
	}
	_, err := noted(s.Journal, r, about("forget", name, ""), func() (any, error) {
		return nil, s.Forget(r.Context(), name)
	})
	if errors.Is(err, hub.ErrNotReleased) {
		return nil, failure{http.StatusConflict, err.Error()}
	}
	return struct{}{}, err
}

// store sends a copy of the hub's store.
func (s *Server) store(w http.ResponseWriter, r *http.Request) {
	who, err := s.who(r)
	if err == nil && !who.Shared() { // with the keys of the hub it is all that the shared token can do
		err = failure{http.StatusForbidden, fmt.Sprintf("the token of %s may not copy the hub's store: use the shared token "+
			"in the hub's data directory (client.json)", who.Name)}
	}
	if err != nil {
		s.answer(w, nil, err)
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
	who, refused := s.who(r)
	if refused != nil {
		err = refused
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
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if !who.Until.IsZero() {
		ctx, cancel = context.WithDeadline(r.Context(), who.Until)
	}
	defer cancel()
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
		if !awaits(ctx, s, r, changed) || !awaits(ctx, s, r, time.After(quiet)) {
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
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.who(r); err != nil {
			s.answer(w, nil, err)
			return
		}
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
