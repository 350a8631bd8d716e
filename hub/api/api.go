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
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/access"
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
	Error  string `json:"error"`
	Reason string `json:"reason,omitempty"` // for programs: Unauthorized or Forbidden
}

// reasons are those of answers, by their status.
var reasons = map[int]string{http.StatusUnauthorized: "Unauthorized", http.StatusForbidden: "Forbidden"}

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
	Access     Policies       // what callers may do; nil lets in the shared token alone
	Log        *slog.Logger
}

// Handler is the API.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes(s) {
		mux.HandleFunc(r.pattern, r.serve)
	}
	return mux
}

// routes are all paths of the API. What each of them needs is asked before it is served.
func routes(s *Server) []route {
	see := s.sight()
	one := func(pattern string, v access.Verb, on access.Resource, place within,
		h func(*http.Request) (any, error)) route {
		return route{pattern, need(v, on, place), s.guard(h)}
	}
	act := func(pattern string, v access.Verb, on access.Resource, place within,
		h func(*http.Request) (any, error)) route {
		return one(pattern, v, on, place, s.acting(h))
	}
	a := &asked{find: func(name string) (query.Cluster, error) { return found(s.State, name) }, sight: see,
		shown: s.State.Shown().JSON, asker: s.Asker, journal: s.Journal, log: s.Log}
	r, t := rolling{see, s.Rollouts}, tokens{s.People, see}
	steering := needs{[]access.Verb{access.Approve, access.Skip, access.Halt, access.Resume, access.Rollback, access.Pin},
		[]access.Resource{access.Rollouts}, ofSome}
	out := []route{
		one("GET /api/v1/clusters", access.List, access.Clusters, ofSome, s.clusters),
		one("GET /api/v1/clusters/{name}", access.Get, access.Clusters, ofPart, s.cluster),
		act("POST /api/v1/clusters/{name}/token", access.Create, access.Credentials, ofNamed, s.token),
		act("POST /api/v1/clusters/{name}/revoke", access.Delete, access.Credentials, ofNamed, s.revoke),
		act("POST /api/v1/clusters/{name}/rotate", access.Rotate, access.Credentials, ofNamed, s.rotate),
		act("POST /api/v1/clusters/{name}/accept", access.Accept, access.Credentials, ofNamed, s.accept),
		{"POST /api/v1/clusters/{name}/ask", needs{[]access.Verb{access.Get}, []access.Resource{access.Objects, access.Logs},
			ofPart}, streamed(s, a.serve)},
		act("DELETE /api/v1/clusters/{name}", access.Delete, access.Clusters, ofNamed, s.forget),
		act("POST /api/v1/credentials/end", access.Delete, access.Credentials, ofFleet, s.endFormer),
		act("POST /api/v1/approve", access.Approve, access.Decisions, ofSome, s.approve),
		one("GET /api/v1/held/{id}", access.Get, access.Decisions, ofSome, s.held),
		one("GET /api/v1/rollouts", access.List, access.Rollouts, ofSome, r.list),
		{"POST /api/v1/rollouts/{policy}", steering, s.guard(s.acting(r.decide))},
		one("GET /api/v1/rollouts/{policy}/history", access.Get, access.Rollouts, ofSome, r.history),
		one("GET /api/v1/freeze", access.Get, access.Rollouts, ofSome, r.frozen),
		{"POST /api/v1/freeze", needs{[]access.Verb{access.Halt, access.Resume}, []access.Resource{access.Rollouts}, ofFleet},
			s.guard(s.acting(r.freeze))},
		one("GET /api/v1/tokens", access.List, access.Tokens, ofFleet, t.list),
		act("POST /api/v1/tokens", access.Create, access.Tokens, ofFleet, t.create),
		act("DELETE /api/v1/tokens/{name}", access.Delete, access.Tokens, ofFleet, t.revoke),
		{"GET /api/v1/audit", need(access.Get, access.Audit, ofFleet), exporting(s)},
		one("GET /api/v1/trust", access.Get, access.Credentials, ofFleet, s.trust),
		{"GET /api/v1/store", need(access.Get, access.Store, ofFleet), storing(s)},
		one("POST /api/v1/poke", access.Sync, access.Source, ofFleet, func(*http.Request) (any, error) {
			s.Poke()
			return struct{}{}, nil
		}),
		{"GET /api/v1/watch", need(access.Watch, access.Clusters, ofSome), watching(s)},
		{"GET /metrics", need(access.Get, access.Metrics, ofFleet), measured(s)},
		one("GET /api/v1/auth/whoami", "", "", ofCaller, see.whoami),
		one("GET /api/v1/auth/can-i", "", "", ofCaller, see.canI),
		one("GET /api/v1/auth/rights", "", "", ofCaller, see.rights),
	}
	out = append(out, asking{see, func() hub.Joins { return s.Identities.Joins() }}.routes(s.guard)...)
	for i, r := range out {
		out[i].serve = let(s, see, r)
	}
	return append(out, route{"GET /healthz", needs{place: ofAnyone}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	}}, route{"GET /readyz", needs{place: ofAnyone}, s.ready},
		route{"POST /webhook/{kind}", needs{place: ofAnyone}, taking(s.Webhooks).ServeHTTP})
}

// sight is what this server's callers may do and see.
func (s *Server) sight() sight {
	return sight{s.State, s.Access, s.Journal, &audit.Denials{}, s.Log}
}

// let serves requests with a token that may do what a route needs. They say then whose it is (people.Of).
func let(s *Server, see sight, to route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		who, err := s.who(r)
		if err == nil {
			who, err = see.admit(r, who, to.needs)
		}
		if err != nil {
			s.answer(w, nil, err)
			return
		}
		to.serve(w, r.WithContext(people.With(r.Context(), who)))
	}
}

// who is whose token a request has. An error says why it is let in by none.
func (s *Server) who(r *http.Request) (people.Who, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.Token))
	if s.Token != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		return people.Who{From: r.RemoteAddr, Caller: access.Caller{Shared: true}}, nil
	}
	if !s.People.Looks(token) {
		return people.Who{}, errToken
	}
	who, err := s.People.Who(r.Context(), time.Now(), token)
	if err != nil {
		return people.Who{}, failure{http.StatusUnauthorized, err.Error()}
	}
	who.From = r.RemoteAddr
	return who, nil
}

// guard answers in JSON.
func (s *Server) guard(h func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := h(r)
		s.answer(w, answer, err)
	}
}

// streamed has h write the answer, unless another hub acts for the fleet. An error is for one that was not begun.
func streamed(s *Server, h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := s.acting(func(r *http.Request) (any, error) { return nil, h(w, r) })(r); err != nil {
			s.answer(w, nil, err)
		}
	}
}

// measured answers Prometheus, which sends a token as any other client does.
func measured(s *Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.Metrics == nil {
			s.answer(w, nil, failure{http.StatusNotFound, "this hub measures nothing"})
			return
		}
		s.Metrics.ServeHTTP(w, r)
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
		answer = Failure{Error: err.Error(), Reason: reasons[status]}
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
	return s.fleet(r, access.List, sel), nil
}

// fleet are the clusters of a selector that a caller may list, or watch.
func (s *Server) fleet(r *http.Request, v access.Verb, sel selector.Selector) Fleet {
	see, source := s.sight(), s.source()
	out := Fleet{Source: see.source(caller(r), source), Time: time.Now().UTC(), Clusters: []query.Row{}}
	if s.Webhooks != nil {
		out.Webhooks = s.Webhooks.Counts()
	}
	for _, c := range see.clusters(see.view(r, v, access.Clusters), sel) {
		c.Distrusted = source.Joins.Distrusted.Count > 0
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
	see, source := s.sight(), s.source()
	view := see.view(r, access.Get, access.Clusters)
	id := s.Identities.Identity(c.Name)
	if all, _ := view.Cluster(c.Labels); !all {
		id = hub.Identity{}
	}
	c, ok := part(view, c)
	if !ok {
		return nil, failure{http.StatusNotFound, fmt.Sprintf("there is no cluster %.80q with apps of your projects: see "+
			"`drover status`", r.PathValue("name"))}
	}
	c.Distrusted = source.Joins.Distrusted.Count > 0
	return Detail{Row: c.Row(), Time: time.Now().UTC(), Source: see.source(caller(r), source), Identity: id, Copy: c.Copy,
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
		if r, err = s.sight().hold(r, access.Approve, held); err != nil {
			return nil, err
		}
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
	if err == nil {
		_, err = s.sight().hold(r, access.Get, hold)
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
