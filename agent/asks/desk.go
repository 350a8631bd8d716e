package asks

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

const (
	// maxRunning is how many questions are answered at a time.
	maxRunning = 4
	// clockSlack is by how much the clocks of hub and agent may differ.
	clockSlack = 2 * time.Minute
)

// Config is what a Desk is made of.
type Config struct {
	Cluster   string
	Namespace string // the agent's own
	Scope     agent.Scope
	Grants    []protocol.QuestionKind // what may be answered
	Reader    Reader
	Apps      Apps
	// Send sends a part of an answer; when it returns, the server has it.
	Send func(ctx context.Context, id string, part []byte) error
	// Start runs something in a goroutine of the session, and says whether it does.
	Start func(func()) bool
	Log   *slog.Logger
}

// Desk answers questions. It is safe for concurrent use.
type Desk struct {
	c    Config
	from answers

	mu      sync.Mutex // guards what follows
	running map[string]context.CancelFunc
}

// New makes a desk.
func New(c Config) *Desk {
	return &Desk{c: c, from: answers{c.Cluster, c.Namespace, c.Scope, c.Reader, c.Apps},
		running: map[string]context.CancelFunc{}}
}

// Ask begins to answer a question, which the hub has signed, and returns at once. What it began ends with ctx.
func (d *Desk) Ask(ctx context.Context, a protocol.Ask) {
	if a.Question == nil || a.Question.Check() != nil {
		d.c.Log.Info("the hub asks a question that this version cannot read; it is ignored")
		return
	}
	q := *a.Question
	if a.Kind == protocol.AskStop {
		d.stop(q.ID)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, q.Limit())
	err := d.admit(q, time.Now(), cancel)
	if !d.c.Start(func() {
		defer cancel()
		d.answer(ctx, q, err)
	}) {
		cancel()
	}
}

// admit says why a question is not answered; nil if it is, which the caller then does.
func (d *Desk) admit(q protocol.Question, now time.Time, cancel context.CancelFunc) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case now.After(q.Expires.Add(clockSlack)):
		return refuse(protocol.AnswerExpired, "the question expired at %s by the hub's clock, and the agent's says %s: "+
			"ask again; if that does not help, set the clocks of both", stamp(q.Expires), stamp(now))
	case !slices.Contains(protocol.QuestionKinds(), q.Kind):
		return refuse(protocol.AnswerUnknown, "this agent cannot answer %q: upgrade it with `drover agent upgrade`", q.Kind)
	case !slices.Contains(d.c.Grants, q.Kind):
		return refuse(protocol.AnswerNotGranted, "the agent of %s was installed without the right to answer %q: install "+
			"it again with `drover agent install --cluster %s --answers %s`", d.c.Cluster, q.Kind, d.c.Cluster,
			d.granted(q.Kind))
	case len(d.running) >= maxRunning:
		return refuse(protocol.AnswerBusy, "the agent answers %d questions already, and no more at a time: ask again in a "+
			"moment", maxRunning)
	case d.running[q.ID] != nil:
		return refuse(protocol.AnswerBusy, "the agent answers this question already")
	}
	d.running[q.ID] = cancel
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// granted is what --answers says if one more kind is granted.
func (d *Desk) granted(more protocol.QuestionKind) string {
	var out []string
	for _, k := range protocol.QuestionKinds() {
		if k == more || slices.Contains(d.c.Grants, k) {
			out = append(out, string(k))
		}
	}
	return strings.Join(out, ",")
}

// stop ends the answer to a question.
func (d *Desk) stop(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if cancel := d.running[id]; cancel != nil {
		cancel()
	}
}

func (d *Desk) leave(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, id)
}

// answer answers a question, or says why not.
func (d *Desk) answer(ctx context.Context, q protocol.Question, err error) {
	w := &writer{cluster: d.c.Cluster, id: q.ID, send: func(part []byte) error { return d.c.Send(ctx, q.ID, part) }}
	if err == nil {
		defer d.leave(q.ID)
		d.c.Log.Info("a question is answered", "question", q.Kind, "by", q.By, "app", q.App, "object",
			strings.Trim(q.Resource+"/"+q.Namespace+"/"+q.Name, "/"))
		if err = w.begin(); err == nil {
			err = d.read(ctx, q, w)
		}
	}
	if ctx.Err() != nil { // how it ended is said all the same
		w.send = func(part []byte) error {
			parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
			defer cancel()
			return d.c.Send(parting, q.ID, part)
		}
	}
	if ended := w.end(reasoned(d.c.Namespace, err, ctx.Err())); ended != nil {
		d.c.Log.Debug("an answer was not sent to its end", "question", q.Kind, "err", ended)
	}
}

// partingTime is how long the last part may take.
const partingTime = 2 * time.Second

// read answers a question that was admitted.
func (d *Desk) read(ctx context.Context, q protocol.Question, w *writer) error {
	switch q.Kind {
	case protocol.QuestionGet:
		return d.from.get(ctx, q, w)
	case protocol.QuestionTree:
		return d.from.tree(ctx, q, w)
	case protocol.QuestionDiff:
		return d.from.diff(ctx, q, w)
	case protocol.QuestionEvents:
		return d.from.events(ctx, q, w)
	case protocol.QuestionLogs:
		return d.from.logs(ctx, q, w)
	}
	return refuse(protocol.AnswerUnknown, "this agent cannot answer %q", q.Kind)
}
