package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/hub"
)

// Checks are what the hub needs and its State does not know. One that is nil is left out.
type Checks struct {
	Store func() error // why nothing can be stored now
	Bus   func() error // why NATS cannot be reached now
}

// check is one line of /readyz.
type check struct {
	name, wrong string // wrong is "" where it is as it should be
	note        string // what is wrong, and does not make the hub unready
}

// checks are all of them.
func (s *Server) checks() []check {
	var out []check
	probe := func(name string, ask func() error) {
		if ask == nil {
			return
		}
		c := check{name: name}
		if err := ask(); err != nil {
			c.wrong = err.Error()
		}
		out = append(out, c)
	}
	probe("store", s.Checks.Store)
	probe("bus", s.Checks.Bus)
	source := s.State.Source()
	return append(out, repository(source), publishing(source))
}

// repository says whether a revision was resolved since the hub started. That a newer one cannot be fetched is a note:
// the hub goes on with the last.
func repository(s hub.SourceStatus) check {
	c := check{name: "repository"}
	text := ""
	if s.Error != "" {
		text = since(s.Error, s.ErrorSince)
	}
	switch {
	case s.Revision.Hash != "":
		c.note = text
	case text == "":
		c.wrong = "no revision has been resolved since the hub started; the first fetch may still be running"
	default:
		c.wrong = text
	}
	return c
}

// publishing says whether what was resolved can be stored and published. That another hub publishes is a note.
func publishing(s hub.SourceStatus) check {
	c := check{name: "publish"}
	if s.Stalled != "" {
		c.wrong = since(s.Stalled, s.StalledSince)
	}
	if s.Withheld != nil {
		c.note = s.Withheld.Message
	}
	return c
}

func since(text string, at time.Time) string {
	return fmt.Sprintf("%s (since %s)", text, at.UTC().Format(time.RFC3339))
}

// ready answers /readyz: one line for each check, and 503 if one fails. What is wrong names addresses and paths, so it
// is told to those only who have the token.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	status := http.StatusOK
	who, refused := s.who(r)
	allowed, _ := s.sight().policy().Allowed(who.Caller, access.Get, access.Source, access.Target{})
	allowed = allowed && refused == nil
	var b strings.Builder
	for _, c := range s.checks() {
		word, text := "ok    ", c.note
		if c.wrong != "" {
			word, text, status = "failed", c.wrong, http.StatusServiceUnavailable
		}
		fmt.Fprintf(&b, "%s %s", word, c.name)
		if text != "" && allowed {
			fmt.Fprintf(&b, ": %s", strings.Join(strings.Fields(text), " "))
		}
		b.WriteByte('\n')
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}
