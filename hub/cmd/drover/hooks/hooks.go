// Package hooks answers webhooks for `drover hub`: it reads the secrets, checks what arrives by hub/webhook, has
// what is followed looked at, and counts.
//
// It may import hub/api, hub/webhook, pflag and the standard library.
package hooks

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/webhook"
)

const (
	maxBodies  = 16               // that are read at once
	bodyTime   = 10 * time.Second // for a body to arrive
	lookPause  = time.Second      // between two looks at the same repository
	quietPause = 10 * time.Second // between two lines of the log on requests that are refused
)

// Hooks are the webhooks of a hub. It is safe for concurrent use.
type Hooks struct {
	secrets func() ([]string, error)
	look    func(webhook.Event) int
	log     *slog.Logger
	bodies  chan struct{} // one is held while a body is read

	mu      sync.Mutex
	counts  map[webhook.Kind]*api.Webhook
	looking map[string]*pause
	told    time.Time // when the log was told of a refusal
	untold  int       // refusals since then
}

// pause is the time after a look; again says that another one was asked for meanwhile.
type pause struct{ again *webhook.Event }

var _ api.Webhooks = (*Hooks)(nil)

// New makes Hooks. secrets gives the secrets at each request, so that they can be replaced while the hub runs. look has
// what is followed at the address of an event looked at, and says how much of it there is.
func New(secrets func() ([]string, error), look func(webhook.Event) int, log *slog.Logger) *Hooks {
	return &Hooks{secrets: secrets, look: look, log: log, bodies: make(chan struct{}, maxBodies),
		counts: map[webhook.Kind]*api.Webhook{}, looking: map[string]*pause{}}
}

// ServeHTTP answers a webhook of the kind that the path names.
func (h *Hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind := webhook.Kind(r.PathValue("kind"))
	e, err := h.take(kind, w, r)
	if err != nil {
		h.refused(kind, r, err)
		status := http.StatusServiceUnavailable
		var why *webhook.Refusal
		if errors.As(err, &why) {
			status = why.Status
		}
		answer(w, status, err.Error())
		return
	}
	answer(w, http.StatusOK, h.act(e))
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a server that does not read the answer misses nothing
}

// take reads and checks a request.
func (h *Hooks) take(kind webhook.Kind, w http.ResponseWriter, r *http.Request) (webhook.Event, error) {
	secrets, err := h.secrets()
	if err != nil {
		h.log.Error("webhooks cannot be checked, and are refused: the repository is polled", "err", err)
		return webhook.Event{}, errors.New("the hub cannot read its secrets: its log says why")
	}
	select {
	case h.bodies <- struct{}{}:
		defer func() { <-h.bodies }()
	default:
		return webhook.Event{}, fmt.Errorf("%d webhooks are being received already: the repository is polled; send it later",
			maxBodies)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // else the server's own counts
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhook.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return webhook.Event{}, &webhook.Refusal{Status: http.StatusRequestEntityTooLarge,
			Text: fmt.Sprintf("the request is larger than %d MiB: the repository is polled", webhook.MaxBody>>20)}
	case err != nil:
		return webhook.Event{}, &webhook.Refusal{Status: http.StatusBadRequest, Text: "the request did not arrive whole"}
	}
	return webhook.Read(kind, r.Header, body, secrets)
}

// refused counts a request that was not taken, and tells the log, but not of each one.
func (h *Hooks) refused(kind webhook.Kind, r *http.Request, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if slices.Contains(webhook.Kinds(), string(kind)) {
		c := h.count(kind)
		c.Refused, c.LastRefused, c.Why = c.Refused+1, now.UTC(), err.Error()
	}
	if h.untold++; now.Sub(h.told) < quietPause {
		return
	}
	h.log.Warn("a webhook was refused", "kind", fmt.Sprintf("%.40q", kind), "from", r.RemoteAddr, "err", err,
		"refused", h.untold)
	h.told, h.untold = now, 0
}

// count gives what is counted of a kind. h.mu is held.
func (h *Hooks) count(kind webhook.Kind) *api.Webhook {
	if h.counts[kind] == nil {
		h.counts[kind] = &api.Webhook{Kind: string(kind)}
	}
	return h.counts[kind]
}

// Counts implements api.Webhooks.
func (h *Hooks) Counts() []api.Webhook {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]api.Webhook, 0, len(h.counts))
	for _, c := range h.counts {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b api.Webhook) int { return strings.Compare(a.Kind, b.Kind) })
	return out
}

// act does what an event asks for, and says what that is.
func (h *Hooks) act(e webhook.Event) string {
	h.mu.Lock()
	c := h.count(e.Kind)
	c.Taken, c.Last = c.Taken+1, time.Now().UTC()
	h.mu.Unlock()
	switch {
	case e.Ping:
		return "the secret fits"
	case !e.Push:
		return fmt.Sprintf("the event %.60q says nothing of commits: none is looked for", e.Name)
	}
	n, waits := h.pace(e)
	switch {
	case waits:
		return "the repository was looked at less than a second ago: it is looked at again after that"
	case n == 0:
		h.log.Info("a webhook is of a repository that this hub does not follow", "kind", e.Kind, "event", e.Name,
			"repository", fmt.Sprintf("%.200q", append(slices.Clone(e.Address), e.Path)[0]))
		return "this hub follows no such repository: compare its address with that of the hub's --repo and of its sources"
	}
	h.log.Debug("a webhook has a repository looked at", "kind", e.Kind, "ref", fmt.Sprintf("%.200q", e.Ref),
		"commit", fmt.Sprintf("%.64q", e.Commit))
	return "the repository is looked at"
}

// pace has a repository looked at at once, or, where that was less than a second ago, at the end of the second.
func (h *Hooks) pace(e webhook.Event) (n int, waits bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := e.ID()
	if p := h.looking[id]; p != nil {
		p.again = &e
		return 0, true
	}
	if n = h.look(e); n > 0 { // so that there are no more pauses than repositories
		h.looking[id] = &pause{}
		time.AfterFunc(lookPause, func() { h.resume(id) })
	}
	return n, false
}

// resume ends a pause, with a look if one was asked for.
func (h *Hooks) resume(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.looking[id]
	if p.again == nil {
		delete(h.looking, id)
		return
	}
	h.look(*p.again)
	p.again = nil
	time.AfterFunc(lookPause, func() { h.resume(id) })
}
