package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/drover-dev/drover/fleet/access"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/protocol"
)

// maxAsks is how many questions are asked of agents at a time: each holds up to one answer in memory.
const maxAsks = 16

// AskTimeout is how long a part of a live answer may take to be read.
const AskTimeout = 30 * time.Second

// Asker asks the agents of clusters.
type Asker interface {
	// Question asks cluster's agent, and hands on the parts of the answer in their order until the last.
	Question(ctx context.Context, cluster string, q protocol.Question, each func(protocol.Answer) error) error
}

// Question asks the agent of a cluster. Its fields are those of protocol.Question; Path is APP or APP/OBJECT, as people
// write them.
type Question struct {
	Kind      protocol.QuestionKind `json:"kind"`
	Path      string                `json:"path,omitempty"`
	Resource  string                `json:"resource,omitempty"`
	Namespace string                `json:"namespace,omitempty"`
	Name      string                `json:"name,omitempty"`
	Container string                `json:"container,omitempty"`
	Tail      int                   `json:"tail,omitempty"`
	Follow    bool                  `json:"follow,omitempty"`
	Previous  bool                  `json:"previous,omitempty"`
}

// AnswerPart is one line of a live answer.
type AnswerPart struct {
	Data []byte     `json:"data,omitempty"`
	End  *AnswerEnd `json:"end,omitempty"` // in the last line
}

// AnswerEnd says how a live answer ended.
type AnswerEnd struct {
	Reason  protocol.AnswerReason `json:"reason,omitempty"`  // why there is no answer; "" for a whole one
	Message string                `json:"message,omitempty"` // the same for people
	Cut     string                `json:"cut,omitempty"`     // what was left out of it
}

// asked answers requests that agents answer.
type asked struct {
	sight   sight
	find    func(cluster string) (query.Cluster, error)
	shown   func([]byte) []byte // has people shown no keys of apps
	asker   Asker
	journal *audit.Journal
	log     *slog.Logger
	running atomic.Int64
}

// prepare says what is asked of which cluster, or why it cannot be.
func (s *asked) prepare(r *http.Request) (query.Cluster, protocol.Question, error) {
	var ask Question
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return query.Cluster{}, protocol.Question{}, failure{http.StatusBadRequest, fmt.Sprintf("the request is no JSON: %v",
			err)}
	}
	q := protocol.Question{ID: "unset", Kind: ask.Kind, Resource: ask.Resource, Namespace: ask.Namespace, Name: ask.Name,
		Container: ask.Container, Tail: ask.Tail, Follow: ask.Follow, Previous: ask.Previous}
	c, err := s.find(r.PathValue("name"))
	if err == nil {
		// Apps are found among those that the caller may see: others are not told from those that do not exist.
		seen, ok := part(s.sight.view(r, access.Get, resourceOf(q.Kind)), c)
		if !ok {
			_, err = s.sight.may(r, access.Get, resourceOf(q.Kind), access.In(c.Labels))
			return c, q, cmp.Or(err, error(errToken))
		}
		c, err = seen, answers(c, time.Now())
	}
	if err == nil && ask.Path != "" {
		var object string
		if q.App, object, err = appOf(c, ask.Path); object != "" {
			kind, name, both := strings.Cut(object, "/")
			if q.Name = name; both {
				q.Resource = kind
			} else {
				q.Name = kind
			}
		}
	}
	if err == nil {
		if err = q.Check(); err != nil {
			err = failure{http.StatusBadRequest, err.Error()}
		}
	}
	return c, q, err
}

// resourceOf is what a question reads.
func resourceOf(k protocol.QuestionKind) access.Resource {
	if k == protocol.QuestionLogs {
		return access.Logs
	}
	return access.Objects
}

// permitted says whether the caller may ask a question. One about an app needs the right in the app's project, for what
// the agent finds by the app; an object that is named by itself may be of any.
func (s *asked) permitted(r *http.Request, c query.Cluster, q protocol.Question) (*http.Request, error) {
	target := access.In(c.Labels)
	if q.App != "" && q.Kind != protocol.QuestionGet {
		project := ""
		for _, d := range c.Desired.Apps {
			if d.Name == q.App {
				project = d.Project
			}
		}
		target = access.Of(c.Labels, project)
	}
	return s.sight.may(r, access.Get, resourceOf(q.Kind), target)
}

// answers says why a cluster's agent cannot be asked now.
func answers(c query.Cluster, now time.Time) error {
	row := c.Row()
	last := "nothing is known of it yet"
	if c.Report != nil {
		last = fmt.Sprintf("last known: %s, %s apps healthy, at %s (%s ago)", row.Health, row.Apps,
			row.Received.UTC().Format(time.RFC3339), now.Sub(row.Received).Round(time.Second))
	}
	switch {
	case row.State == query.StateAwaiting:
		return failure{http.StatusConflict, fmt.Sprintf("cluster %s has no agent yet: install it with `drover agent install "+
			"--cluster %s`", c.Name, c.Name)}
	case row.State != query.StateConnected:
		since := ""
		if !c.Link.Since.IsZero() {
			since = " since " + c.Link.Since.UTC().Format(time.RFC3339)
		}
		return failure{http.StatusConflict, fmt.Sprintf("cluster %s is offline%s; %s", c.Name, since, last)}
	case c.Report == nil:
		return failure{http.StatusConflict, fmt.Sprintf("the agent of cluster %s has connected and not reported yet: ask "+
			"again in a moment", c.Name)}
	case !c.Report.Agent.Answers:
		return failure{http.StatusConflict, fmt.Sprintf("the agent of cluster %s, %s, cannot answer: upgrade it with "+
			"`drover agent upgrade`", c.Name, c.Report.Agent.Version)}
	}
	return nil
}

// appOf finds the app that the beginning of a path names: an app's name may have slashes itself. The rest is an object.
func appOf(c query.Cluster, path string) (key, object string, err error) {
	var apps []identity.Named
	for _, a := range c.Apps() {
		n := identity.Named{Key: a.Key, Declared: a.Declared}
		if a.Name != a.Key {
			n.Formerly = []string{a.Name}
		}
		apps = append(apps, n)
	}
	words := strings.Split(path, "/")
	for n := len(words); n > 0; n-- {
		key, failed := identity.Find(apps, strings.Join(words[:n], "/"))
		if failed == nil {
			return key, strings.Join(words[n:], "/"), nil
		}
		if n == 1 {
			err = failed
		}
	}
	return "", "", failure{http.StatusNotFound, fmt.Sprintf("cluster %s: %v", c.Name, err)}
}

// serve asks and streams the answer, a line of JSON for each part.
func (s *asked) serve(w http.ResponseWriter, r *http.Request) error {
	c, q, err := s.prepare(r)
	if err != nil {
		return err
	}
	if r, err = s.permitted(r, c, q); err != nil {
		return err
	}
	defer s.running.Add(-1)
	if s.running.Add(1) > maxAsks {
		return failure{http.StatusServiceUnavailable, fmt.Sprintf("%d questions are being answered already, and no more "+
			"at a time: ask again in a moment", maxAsks)}
	}
	who, _ := people.Of(r.Context())
	q.By = who.String()[:min(len(who.String()), protocol.MaxQuestionWord)]
	ctx, cancel := r.Context(), context.CancelFunc(func() {})
	if !who.Until.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, who.Until)
	}
	defer cancel()
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Time{}) // it goes on for longer than a request may take to read
	out := &answering{w: w, conn: conn, shown: s.shown, lines: q.Kind == protocol.QuestionTree ||
		q.Kind == protocol.QuestionDiff || q.Kind == protocol.QuestionEvents}
	_, err = noted(s.journal, r, entryOf(c.Name, q), func() (struct{}, error) {
		return struct{}{}, s.asker.Question(ctx, c.Name, q, out.part)
	})
	if err == nil || !out.begun {
		return err
	}
	if err := out.write(AnswerPart{End: &AnswerEnd{Reason: protocol.AnswerFailed, Message: err.Error()}}); err != nil {
		s.log.Debug("an answer was not taken", "err", err)
	}
	return nil // the status was sent
}

// entryOf is what the journal of decisions has of a question.
func entryOf(cluster string, q protocol.Question) audit.Entry {
	e := about("ask", cluster, string(q.Kind))
	e.What = fmt.Sprintf("asked %s: %s %s", cluster, q.Kind, strings.Trim(q.App+" "+strings.Trim(
		q.Resource+"/"+q.Namespace+"/"+q.Name, "/"), " "))
	return e
}

// answering writes an answer as it comes.
type answering struct {
	w     http.ResponseWriter
	conn  *http.ResponseController
	shown func([]byte) []byte // has people shown no keys
	lines bool                // the answer is lines of JSON with names of apps in them
	rest  []byte              // the beginning of a line
	begun bool
}

// part writes what one part of the answer adds.
func (s *answering) part(a protocol.Answer) error {
	data := a.Data
	if s.lines {
		data = append(s.rest, data...)
		whole := bytes.LastIndexByte(data, '\n') + 1
		data, s.rest = data[:whole], bytes.Clone(data[whole:])
		data = s.shown(data)
	}
	for len(data) > protocol.MaxAnswerPart {
		if err := s.write(AnswerPart{Data: data[:protocol.MaxAnswerPart]}); err != nil {
			return err
		}
		data = data[protocol.MaxAnswerPart:]
	}
	if !a.Last {
		return s.write(AnswerPart{Data: data})
	}
	return s.write(AnswerPart{Data: data, End: &AnswerEnd{a.Reason, a.Message, a.Cut}})
}

func (s *answering) write(p AnswerPart) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if !s.begun {
		s.w.Header().Set("Content-Type", "application/x-ndjson")
		s.w.Header().Set("Cache-Control", "no-store")
		s.begun = true
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(AskTimeout)) // where there is no deadline, none is missed
	if _, err := s.w.Write(append(data, '\n')); err != nil {
		return err
	}
	return s.conn.Flush()
}
