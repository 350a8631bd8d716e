package pass

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine is the test's, and a cluster that takes down what it is asked.
type scene struct {
	t *testing.T
	Applier
	set     owned.Set
	current orders.Current
	act     actor.Actor
	crew    mailbox.Crew
	told    []string
	events  []protocol.Event
	blocked map[protocol.ObjectRef]bool     // wait for others
	steered map[protocol.ObjectRef][]string // left to controllers
	freed   int                             // how often objects that waited may go on

	mu       sync.Mutex // guards what follows
	asked    []string
	patches  map[string]agent.Patch // by the name of the object, and without one the namespace's
	busy     int                    // requests at once
	together chan struct{}          // two requests meet there; nil if they need not
	most     int
	refuses  map[string]error
	unserved string // a kind
	watched  []agent.Watched
	tracked  map[protocol.ObjectRef]int
	follows  []string // namespaces whose autoscalers are followed
	scaled   protocol.ObjectRef
	known    bool // what autoscalers scale
}

func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, set: owned.NewSet("web"), patches: map[string]agent.Patch{}, refuses: map[string]error{},
		blocked: map[protocol.ObjectRef]bool{}, tracked: map[protocol.ObjectRef]int{}, known: true}
	s.act = actor.New(&s.crew, worker{})
	s.current.Spec, s.current.Accepted.Known = protocol.App{Name: "web", Namespace: "shop"}, true
	s.Applier = New(Config{Set: &s.set, Current: &s.current, Actor: &s.act, Relations: relations{s}, App: app{s},
		Env: Env{Kinds: kinds{s}, Watches: watches{s}, Scaling: scalers{s}, Objects: inventory.New(),
			Slots: make(chan struct{}, 2), Protected: func(ref protocol.ObjectRef) bool { return ref.Name == "agent" }}})
	return s
}

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

// app takes down what the app is told.
type app struct{ s *scene }

func (a app) tell(format string, args ...any) {
	a.s.told = append(a.s.told, fmt.Sprintf(format, args...))
}

func (a app) Settle(_ context.Context, o *owned.Object, w *plan.Want, live agent.Live, err error) {
	o.Busy = false
	if err != nil {
		a.tell("%s failed: %v", o.Item.Ref.Name, err)
	} else {
		o.Item.Line, o.Version, o.Drifted = w.Line, live.Version, false
	}
	o.Proceed()
}
func (a app) Fault(_ context.Context, err error) { a.tell("fault: %v", err) }
func (a app) Emit(e protocol.Event)              { a.s.events = append(a.s.events, e) }
func (a app) Request() access.Request {
	return access.Request{Objects: objects{s: a.s}, Rights: access.Rights{App: "web"}}
}

// relations are what objects are to each other.
type relations struct{ s *scene }

func (r relations) Free(o *owned.Object) bool                   { return !r.s.blocked[o.Item.Ref] }
func (r relations) AllSteered() map[protocol.ObjectRef][]string { return r.s.steered }
func (r relations) Holds(context.Context) bool {
	if r.s.freed == 0 {
		return false
	}
	r.s.freed--
	clear(r.s.blocked)
	return true
}

// kinds are those that the cluster serves.
type kinds struct{ s *scene }

func (k kinds) Resolve(_ context.Context, _, kind string) (agent.Resource, error) {
	if kind == k.s.unserved {
		return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: kind + " is not served"}
	}
	cluster := kind == "Namespace" || kind == "CustomResourceDefinition" || kind == "Global"
	return agent.Resource{Kind: kind, Namespaced: !cluster}, nil
}

type watches struct{ s *scene }

func (w watches) Track(ref protocol.ObjectRef)   { w.s.tracked[ref]++ }
func (w watches) Untrack(ref protocol.ObjectRef) { w.s.tracked[ref]-- }
func (w watches) Watch(_ agent.Resource, key agent.Watched) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.watched = append(w.s.watched, key)
}

type scalers struct{ s *scene }

func (x scalers) Follow(namespace string)            { x.s.follows = append(x.s.follows, namespace) }
func (x scalers) Known(context.Context, string) bool { return x.s.known }
func (x scalers) Scales(ref protocol.ObjectRef) bool { return ref == x.s.scaled }

// objects are those of the cluster.
type objects struct {
	agent.Objects
	s *scene
}

func (o objects) Apply(_ context.Context, _ agent.Resource, ref protocol.ObjectRef, p agent.Patch) (agent.Live, error) {
	s := o.s
	s.mu.Lock()
	what := "apply "
	if p.Try {
		what = "try "
	}
	s.asked = append(s.asked, what+ref.Name)
	s.patches[ref.Name] = p
	s.busy++
	s.most = max(s.most, s.busy)
	err := s.refuses[ref.Name]
	s.mu.Unlock()
	s.meet()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy--
	}()
	return agent.Live{Ref: ref, Version: 9, Created: true}, err
}

// meet has two requests wait for each other.
func (s *scene) meet() {
	if s.together == nil {
		return
	}
	select {
	case s.together <- struct{}{}:
	case <-s.together:
	case <-time.After(race.Patience(10 * time.Second)):
	}
}

func (o objects) Get(_ context.Context, _ agent.Resource, ref protocol.ObjectRef) (agent.Live, error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.asked = append(o.s.asked, "get "+ref.Name)
	return agent.Live{Ref: ref}, o.s.refuses["get "+ref.Name]
}

// line is the line of an object, with more of it.
func line(apiVersion, kind, name string, more ...string) string {
	return `{"apiVersion":"` + apiVersion + `","kind":"` + kind + `","metadata":{"name":"` + name + `"}` +
		strings.Join(append([]string{""}, more...), ",") + `}`
}

func configMap(name string, more ...string) string { return line("v1", "ConfigMap", name, more...) }

// enter puts a plan of some lines into force, of which nothing is applied.
func (s *scene) enter(lines ...string) *plan.Plan {
	s.t.Helper()
	text := []byte(strings.Join(lines, "\n"))
	spec := s.current.Spec
	spec.Blob = &protocol.Blob{Digest: "d", Objects: len(lines), Size: int64(len(text))}
	p, err := plan.Read(s.t.Context(), plan.Source{Lines: text, Packed: agent.Pack(text), Spec: spec}, nil)
	if err == nil {
		p, err = p.Place(s.t.Context(), s.Kinds.Resolve, nil)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Plan, s.Settings = p, owned.SettingsOf(spec)
	for i := range p.Wants {
		w := &p.Wants[i]
		o := owned.New(w.Ref, s.Objects.Claim("web", w.Ref, nil).Number)
		o.Become(w)
		s.Insert(o)
	}
	return p
}

// object is the app's object of a name.
func (s *scene) object(name string) *owned.Object {
	s.t.Helper()
	for _, o := range s.Own {
		if o.Item.Ref.Name == name {
			return o
		}
	}
	s.t.Fatalf("there is no object %s", name)
	return nil
}

// requests are what was asked of the cluster since it was asked last.
func (s *scene) requests(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.asked, want) {
		s.t.Errorf("asked is %q, not %q", s.asked, want)
	}
	s.asked = nil
}

// hears compares what the app was told since it was asked last.
func (s *scene) hears(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Errorf("told is %q, not %q", s.told, want)
	}
	s.told = nil
}

func all(*owned.Object) bool { return true }

// applied is an object as it is after its line was applied.
func applied(o *owned.Object) {
	o.Item.Line, o.Item.Fields, o.Version, o.Present = o.Want.Line, agent.SumOf([]byte("fields")), 5, true
	o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent}
}
