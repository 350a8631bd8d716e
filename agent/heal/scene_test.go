package heal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine is the test's, in a cluster that answers what the test says.
type scene struct {
	t *testing.T
	Healer
	set     owned.Set
	current orders.Current
	act     actor.Actor
	crew    mailbox.Crew
	told    []string // what the app and the session were told
	sent    []string // what was applied, or asked for
	answer  agent.Live
	culprit agent.Culprit
	err     error
	lost    []string
}

// app takes down what the app is told.
type app struct{ s *scene }

func (a app) tell(format string, args ...any) {
	a.s.told = append(a.s.told, fmt.Sprintf(format, args...))
}

func (a app) Emit(e protocol.Event) {
	a.tell("%s %s of %s by %q in %v: %s", e.Kind, e.Object, e.App, e.By, e.Fields, e.Message)
}

func (a app) Settle(_ context.Context, o *owned.Object, _ *plan.Want, live agent.Live, err error) {
	o.Busy = false
	if err == nil {
		o.Drifted, o.Astray = false, nil
	}
	a.tell("settled: %v", err)
}

func (a app) Quiet(context.Context) { a.tell("quiet") }
func (a app) Healed(time.Time)      { a.tell("healed") }
func (a app) Request() access.Request {
	return access.Request{Objects: objects{s: a.s}, Rights: access.Rights{App: "web"}}
}

// objects are those of the cluster.
type objects struct {
	agent.Objects
	s *scene
}

func (o objects) Blame(agent.Live, agent.Live) agent.Culprit { return o.s.culprit }

// sender applies objects.
type sender struct{ s *scene }

func (x sender) Send(_ context.Context, r access.Request, o *owned.Object, w *plan.Want,
	lines []byte) (agent.Live, error) {
	x.s.act.Do(func() { x.s.sent = append(x.s.sent, "send "+string(w.LineOf(lines))) })
	return x.s.answer, x.s.err
}

func (x sender) Would(_ context.Context, r access.Request, o *owned.Object, w *plan.Want,
	lines []byte) (agent.Live, error) {
	x.s.act.Do(func() { x.s.sent = append(x.s.sent, "ask "+string(w.LineOf(lines))) })
	return x.s.answer, x.s.err
}

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, culprit: agent.Culprit{Manager: "kubectl", Fields: []string{"data.k"}}}
	s.build(planOf(t, "new"))
	return s
}

// build makes the app, with a plan in force.
func (s *scene) build(p *plan.Plan) {
	s.set = owned.NewSet("web")
	s.act = actor.New(&s.crew, worker{})
	s.current.Spec = protocol.App{Name: "web"}
	s.set.Plan = p
	s.Healer = New(Config{Set: &s.set, Current: &s.current, Actor: &s.act, App: app{s},
		Env: Env{ClusterName: "prod", Sender: sender{s}, Slots: make(chan struct{}, 1),
			News:      func(urgent bool) { app{s}.tell("news, urgent %v", urgent) },
			Corrected: s.corrected,
			Lost:      func(app string, err error) { s.lost = append(s.lost, app+": "+err.Error()) }}})
}

// corrected is told of drift that was undone.
func (s *scene) corrected(e *protocol.Event) {
	if e != nil {
		app{s}.tell("last drift in %s: %s", e.Cluster, e.Message)
		return
	}
	app{s}.tell("one more drift")
}

// lineOf is a line with a value.
func lineOf(value string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","namespace":"shop"},"data":{"k":"` + value + `"}}`
}

// planOf is the plan of a ConfigMap with a value.
func planOf(t *testing.T, value string) *plan.Plan {
	t.Helper()
	text := []byte(lineOf(value))
	p, err := plan.Read(t.Context(), plan.Source{Lines: text, Packed: agent.Pack(text), Spec: protocol.App{
		Blob: &protocol.Blob{Digest: value, Objects: 1, Size: int64(len(text))}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// has gives the app the ConfigMap of its plan, as it was applied at version 5, with changes.
func (s *scene) has(changes ...func(*owned.Object)) *owned.Object {
	w := &s.Plan.Wants[0]
	o := owned.New(w.Ref, 1)
	o.Want, o.Item.Line, o.Item.Fields = w, w.Line, agent.SumOf([]byte("fields"))
	o.Version, o.Present, o.Drifted = 5, true, true
	for _, c := range changes {
		c(o)
	}
	s.Insert(o)
	return o
}

// superseded is an object that was applied from a plan before the one in force, whose content was not accepted.
func (s *scene) superseded(change ...func(*owned.Object)) *owned.Object {
	s.Was = planOf(s.t, "old")
	return s.has(append([]func(*owned.Object){func(o *owned.Object) { o.Item.Line = s.Was.Wants[0].Line }}, change...)...)
}

// edited is a look at what another client changed, and deleted one at what is gone.
func edited(version uint64) agent.Sighting {
	return agent.Sighting{Kind: agent.SightObject, At: time.Now(),
		Live: agent.Live{Version: version, Fields: agent.SumOf([]byte("drifted"))}}
}

func deleted(version uint64) agent.Sighting {
	sg := edited(version)
	sg.Kind = agent.SightGone
	return sg
}

// settle handles the messages that there are, and then those of what runs beside the app until nothing does.
func (s *scene) settle() {
	s.t.Helper()
	s.drain()
	s.Await(s.t.Context(), s.crew.Close)
	s.crew = mailbox.Crew{}
	s.drain()
}

// drain handles the messages that there are.
func (s *scene) drain() {
	last := false
	s.Post(func() { last = true })
	s.HandleUntil(s.t.Context(), nil, func() bool { return last })
}

// hears compares what was told since it was asked last.
func (s *scene) hears(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("told is\n\t%s\nnot\n\t%s", strings.Join(s.told, "\n\t"), strings.Join(want, "\n\t"))
	}
	s.told = nil
}
