package relation

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/actor"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/inventory"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// app is an app whose goroutine does not run: the test is it, and messages to it are done at once.
type app struct {
	Relations
	set owned.Set
	act actor.Actor
}

// scene is some apps, and what they share.
type scene struct {
	apps  map[string]*app
	env   Env
	asked []string // apps that were told something, by their order
}

func begin(names ...string) *scene {
	s := &scene{apps: map[string]*app{}}
	s.env = Env{Board: s, Stands: board.NewStandings(), Objects: inventory.New(),
		Tell: func(name string, what func(*Relations)) {
			if a := s.apps[name]; a != nil {
				s.asked = append(s.asked, name)
				what(&a.Relations)
			}
		},
		TellOthers: func(name string, what func(*Relations)) {
			for _, other := range s.apps {
				if other.Name != name {
					what(&other.Relations)
				}
			}
		}}
	for _, name := range names {
		a := &app{set: owned.NewSet(name)}
		a.act = actor.New(&mailbox.Crew{}, nil)
		a.Relations = New(&a.set, &a.act, s.env)
		s.apps[name] = a
	}
	return s
}

// SteersBeside is what the board says: everything that other apps steer, for sure if their plan says it.
func (s *scene) SteersBeside(app string, each func(name string, st plan.Steer, sure bool)) {
	for name, other := range s.apps {
		if name != app {
			for _, st := range other.Steers {
				each(name, st, other.Plan.Steering(st.By))
			}
		}
	}
}

// woken says whether a turn of an app is due, and that it was taken.
func (a *app) woken() bool {
	due := a.TurnDue
	a.TurnDue, a.Running = false, false
	return due
}

// publish tells others what an app has to tell.
func (a *app) publish() {
	a.Reveal()
	a.TellNow()
}

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: name}
}

var content = agent.SumOf([]byte("content"))

// has gives an app an object that is applied and healthy, with changes.
func (a *app) has(name string, changes ...func(*owned.Object)) *owned.Object {
	return a.owns(mapOf(name), changes...)
}

func (a *app) owns(ref protocol.ObjectRef, changes ...func(*owned.Object)) *owned.Object {
	o := owned.New(ref, a.Objects.Claim(a.Name, ref, nil).Number)
	o.Want = &plan.Want{Ref: ref, Line: content}
	o.Item.Line, o.Item.Fields = content, agent.SumOf([]byte("fields"))
	o.Verdict = fleet.Verdict{Health: protocol.HealthCurrent}
	for _, c := range changes {
		c(o)
	}
	a.Insert(o)
	return o
}

// pending is an object that is yet to be applied.
func pending(o *owned.Object) { o.Item.Line = agent.Sum{} }

// after is an object that is yet to be applied, after others.
func after(names ...string) func(*owned.Object) {
	return func(o *owned.Object) {
		pending(o)
		for _, name := range names {
			o.Want.After = append(o.Want.After, mapOf(name))
		}
	}
}

func inWave(n int) func(*owned.Object) { return func(o *owned.Object) { o.Want.Wave = n } }

// ill is an object that is applied and not healthy.
func ill(message string) func(*owned.Object) {
	return func(o *owned.Object) {
		o.Verdict = fleet.Verdict{Health: protocol.HealthDegraded, Message: message}
	}
}

// planOf is the plan of some lines.
func planOf(t *testing.T, lines ...string) *plan.Plan {
	t.Helper()
	text := []byte(strings.Join(lines, "\n"))
	src := plan.Source{Lines: text, Packed: agent.Pack(text), Spec: protocol.App{Namespace: "shop",
		Blob: &protocol.Blob{Digest: "d", Objects: len(lines), Size: int64(len(text))}}}
	p, err := plan.Read(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
