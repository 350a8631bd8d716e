package hookrun

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/access"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// scene is an app whose goroutine is the test's, in a cluster that keeps the objects of its hooks.
type scene struct {
	t *testing.T
	Runner
	set     owned.Set
	order   orders.Current
	act     actor.Actor
	crew    mailbox.Crew
	log     []string // what was done, in its order
	unsaved bool     // nothing can be stored
	tracked map[protocol.ObjectRef]int
	settled []string // what was waited for, of whom
	version uint64

	mu       sync.Mutex // guards what follows
	there    map[protocol.ObjectRef]agent.Live
	refuses  map[string]error // by verb
	words    string           // of what failed
	unserved bool
	global   bool   // kinds have no namespaces
	during   func() // a request is under way
}

func begin(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, set: owned.NewSet("web"), there: map[protocol.ObjectRef]agent.Live{}, refuses: map[string]error{},
		tracked: map[protocol.ObjectRef]int{}}
	s.act = actor.New(&s.crew, worker{})
	s.order.Spec = protocol.App{Name: "web", Namespace: "shop", Prune: true, Timeout: 60}
	s.Runner = New(Config{Set: &s.set, Order: &s.order, Actor: &s.act, App: app{s},
		Env: Env{Kinds: kinds{s}, Watches: watches{s}, Claims: inventory.New(), Objects: inventory.New(),
			Protected: func(ref protocol.ObjectRef) bool { return ref.Name == "agent" },
			Settle: func(owner string, ref protocol.ObjectRef) {
				s.act.Do(func() { s.settled = append(s.settled, owner+" "+ref.Name) })
			},
			News: func() { s.log = append(s.log, "news") }}})
	return s
}

// worker is what the app does of itself.
type worker struct{}

func (worker) Turns(context.Context)                 {}
func (worker) Sight(context.Context, agent.Sighting) {}
func (worker) Publish()                              {}
func (worker) End()                                  {}

// app is what the app does for its hooks.
type app struct{ s *scene }

func (a app) note(format string, args ...any) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.s.log = append(a.s.log, fmt.Sprintf(format, args...))
}

func (a app) Apply(_ context.Context, _ *plan.Plan, wave int) int {
	a.note("apply wave %d", wave)
	return 2
}

func (a app) Save(context.Context) bool {
	a.note("save")
	a.s.set.Dirty = a.s.unsaved
	return !a.s.unsaved
}

func (a app) Forget(o *owned.Object) { a.note("forget %s", o.Item.Ref.Name); a.s.set.Disown(o) }
func (a app) Emit(e protocol.Event) {
	a.note("%s %s of %s: %s", e.Kind, e.Object.Name, e.App, e.Message)
}
func (a app) Request() access.Request {
	return access.Request{Objects: objects{s: a.s}, Rights: access.Rights{App: "web"}}
}

type kinds struct{ s *scene }

func (k kinds) Resolve(_ context.Context, apiVersion, kind string) (agent.Resource, error) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if k.s.unserved {
		return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: kind + " is not served"}
	}
	return agent.Resource{Kind: kind, Namespaced: !k.s.global}, nil
}

type watches struct{ s *scene }

func (w watches) Track(ref protocol.ObjectRef)              { w.s.tracked[ref]++ }
func (w watches) Untrack(ref protocol.ObjectRef)            { w.s.tracked[ref]-- }
func (w watches) Watch(_ agent.Resource, key agent.Watched) {}

// objects are those of the cluster.
type objects struct {
	agent.Objects
	s *scene
}

// ask takes down a request, and says whether it is refused.
func (o objects) ask(verb string, ref protocol.ObjectRef) error {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if verb != "get" {
		o.s.log = append(o.s.log, verb+" "+ref.Name)
	}
	if o.s.during != nil {
		o.s.during()
	}
	return o.s.refuses[verb]
}

func (o objects) Get(_ context.Context, _ agent.Resource, ref protocol.ObjectRef) (agent.Live, error) {
	if err := o.ask("get", ref); err != nil {
		return agent.Live{}, err
	}
	live, ok := o.s.there[ref]
	if !ok {
		return live, &agent.Failure{Reason: agent.ReasonMissing, Text: "not there"}
	}
	return live, nil
}

func (o objects) Apply(_ context.Context, _ agent.Resource, ref protocol.ObjectRef, p agent.Patch) (agent.Live, error) {
	if err := o.ask("create", ref); err != nil {
		return agent.Live{}, err
	}
	var made struct {
		Metadata struct {
			Name        string
			Annotations map[string]string
			Finalizers  []string
		}
	}
	if err := json.Unmarshal(p.Line, &made); err != nil || made.Metadata.Name != ref.Name {
		o.s.t.Errorf("created is %s: %v", p.Line, err)
	}
	o.s.version++
	live := agent.Live{Ref: ref, App: p.App, HookRun: made.Metadata.Annotations[fleet.AnnotationHookRun], Hook: true,
		Version: o.s.version, Held: made.Metadata.Finalizers, Created: true}
	o.s.there[ref] = live
	return live, nil
}

func (o objects) Retire(_ context.Context, _ agent.Resource, live agent.Live) (bool, error) {
	if err := o.ask("delete", live.Ref); err != nil {
		return false, err
	}
	delete(o.s.there, live.Ref)
	return true, nil
}

func (o objects) Release(_ context.Context, _ agent.Resource, live agent.Live) error {
	return o.ask("release", live.Ref)
}

func (o objects) LastWords(_ context.Context, ref protocol.ObjectRef) (string, error) {
	return o.s.words, o.s.refuses["words"]
}

func job(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Group: "batch", Kind: "Job", Namespace: "shop", Name: name}
}

// hookLine is the line of a Job that is a hook, with more annotations.
func hookLine(name, phase string, more ...string) string {
	notes := []string{`"argocd.argoproj.io/hook":"` + phase + `"`}
	for i := 0; i < len(more); i += 2 {
		notes = append(notes, `"argocd.argoproj.io/`+more[i]+`":"`+more[i+1]+`"`)
	}
	return `{"apiVersion":"batch/v1","kind":"Job","metadata":{"annotations":{` + strings.Join(notes, ",") +
		`},"name":"` + name + `"}}`
}

func configMap(name, wave string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"annotations":{"argocd.argoproj.io/sync-wave":"` + wave +
		`"},"name":"` + name + `"}}`
}

// planOf is the plan of some lines, of generation 7.
func (s *scene) planOf(lines ...string) *plan.Plan {
	s.t.Helper()
	text := []byte(strings.Join(lines, "\n"))
	spec := s.order.Spec
	spec.Blob = &protocol.Blob{Digest: protocol.BlobDigest(text), Objects: len(lines), Size: int64(len(text))}
	src := plan.Source{Lines: text, Packed: agent.Pack(text), Spec: spec, Generation: 7}
	p, err := plan.Read(s.t.Context(), src, nil)
	if err == nil {
		p, err = p.Place(s.t.Context(), kinds{s}.Resolve, nil)
	}
	if err != nil || len(p.Invalid) > 0 {
		s.t.Fatal(err, p.Invalid)
	}
	return p
}

// prepare begins the delivery of a plan to an app that was there before, and takes it through what comes before.
func (s *scene) prepare(p *plan.Plan) (done bool) {
	s.Start(p, false)
	done, _ = s.through(hook.Prepare, p)
	return done
}

func (s *scene) through(m hook.Moment, p *plan.Plan) (done bool, changed int) {
	return s.TakeThrough(s.t.Context(), hook.View{Moment: m, Plan: p, InForce: true, Healthy: true, Delete: true})
}

// sees has the app see the object of a hook as it is in the cluster, with a health.
func (s *scene) sees(name string, health protocol.Health, message string) {
	s.t.Helper()
	live, ok := s.there[job(name)]
	sg := agent.Sighting{Kind: agent.SightObject, Live: live,
		Verdict: fleet.Verdict{Health: health, Message: message}}
	if !ok {
		sg.Kind, sg.Live = agent.SightGone, agent.Live{Ref: job(name)}
	}
	s.version++
	sg.Live.Version = s.version
	if !s.Sight(sg) {
		s.t.Errorf("%s is not looked at", name)
	}
}

// did compares what was done since it was asked last. News are left out.
func (s *scene) did(want ...string) {
	s.t.Helper()
	got := slices.DeleteFunc(slices.Clone(s.log), func(x string) bool { return x == "news" })
	if !slices.Equal(got, want) {
		s.t.Errorf("done is\n\t%s\nnot\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	s.log = nil
}

// stages are the hooks of the run with how far they have come.
func (s *scene) stages() (out []string) {
	for _, h := range s.Run.Hooks {
		text := h.Ref.Name + " " + string(h.Stage)
		if h.Tidy {
			text += " tidy"
		} else if h.Over {
			text += " over"
		}
		out = append(out, text)
	}
	return out
}
