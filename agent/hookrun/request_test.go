package hookrun

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/hook"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// What there is under the name of a hook: see hook.WayOf for what is done about it.
func TestWhatIsInTheWayOfAHook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		there   agent.Live
		refuses map[string]error
		did     []string
		failure string
	}{
		"the one of an earlier run": {agent.Live{App: "web", Hook: true, HookRun: "6.PreSync"}, nil,
			[]string{"save", "delete x", "create x", "hook x of web: PreSync: begun"}, ""},
		"it is not gone at once": {agent.Live{App: "web", Hook: true, HookRun: "6.PreSync"},
			map[string]error{"delete": &agent.Failure{Text: "conflict"}}, []string{"save", "delete x"}, ""},
		"one of another app": {agent.Live{App: "shop"}, nil,
			[]string{"save", "hook-failed x of web: PreSync: it could not be made: it is there and belongs to app shop: " +
				"take it out of one of them"}, "belongs to app shop"},
		"one that nobody has": {agent.Live{}, nil,
			[]string{"save", "hook-failed x of web: PreSync: it could not be made: there is one of this name already, and " +
				"it is no hook: delete it, or give the hook another name"}, "there is one of this name already"},
		"the cluster does not answer": {agent.Live{}, map[string]error{"get": errors.New("no answer")}, []string{"save"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			if c.refuses != nil {
				s.refuses = c.refuses
			}
			c.there.Ref = job("x")
			s.there[job("x")] = c.there
			p := s.planOf(hookLine("x", "PreSync"))
			s.prepare(p)
			s.did(c.did...)
			if got := s.Run.Failed(); !strings.Contains(got, c.failure) || (got == "") != (c.failure == "") {
				t.Errorf("the run failed: %q", got)
			}
		})
	}
}

func TestAHookThatCannotBeCreated(t *testing.T) {
	t.Parallel()
	invalid := &agent.Failure{Reason: agent.ReasonInvalid, Text: "no image"}
	busy := &agent.Failure{Reason: agent.ReasonUnreachable, Text: "no answer"}
	for name, c := range map[string]struct {
		before  func(s *scene)
		failure string // of the run; "" if it is tried again
		waits   string
	}{
		"it is not valid":        {func(s *scene) { s.refuses["create"] = invalid }, "it could not be made: no image", ""},
		"the API server is away": {func(s *scene) { s.refuses["create"] = busy }, "", "no answer"},
		"its kind is not served": {func(s *scene) { s.unserved = true }, "", "Job is not served"},
		"it is beyond the scope": {func(s *scene) { s.c.Env.Scope = agent.Scope{"other"} },
			agent.Scope{"other"}.Failure().Text, ""},
		"another app has the object": {func(s *scene) { s.c.Env.Objects.Claim("cart", job("x"), nil) },
			"app cart has it, too: take it out of one of them", ""},
		"another app has a hook of its name": {func(s *scene) { s.c.Env.Claims.Claim("cart", job("x"), nil) },
			"app cart has a hook of this name, too: take it out of one of them", ""},
		"a role is missing in its namespace": {func(s *scene) {
			s.c.Env.Scope = agent.Scope{"shop"}
			s.refuses["create"] = &agent.Failure{Reason: agent.ReasonForbidden, Text: "may not"}
		}, "", "the agent has no role in namespace shop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			p := s.planOf(hookLine("x", "PreSync"))
			c.before(s)
			if s.prepare(p) {
				t.Fatal("the plan may come into force")
			}
			if got := s.Run.Failed(); !strings.Contains(got, c.failure) || (got == "") != (c.failure == "") {
				t.Errorf("the run failed: %q", got)
			}
			if !strings.Contains(s.Step.Text, c.waits) {
				t.Errorf("it waits for %+v", s.Step)
			}
			if len(s.there) > 0 {
				t.Errorf("there is %v", s.there)
			}
		})
	}
}

// What failed is tried again when it is due, and is no trouble any more when it worked.
func TestAHookIsCreatedWhenItCanBe(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(hookLine("x", "PreSync"))
	s.unserved = true
	s.prepare(p)
	s.unserved = false
	s.did("save")
	if s.through(hook.Prepare, p); len(s.log) > 0 {
		t.Errorf("it is tried again at once: %q", s.log)
	}
	if s.Retry("apps") || !s.Retry("batch") {
		t.Error("it is not tried again when its group is another")
	}
	s.through(hook.Prepare, p)
	s.did("create x", "hook x of web: PreSync: begun")
	if s.Retry("batch") {
		t.Error("what worked is tried again")
	}
}

// What failed of a hook in one phase says nothing of it in another one: its pauses are short again.
func TestAHookOfAnotherPhaseBeginsAfresh(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.refuses["create"] = &agent.Failure{Reason: agent.ReasonInvalid, Text: "no image"}
	p := s.planOf(hookLine("x", "PreSync,SyncFail"))
	s.prepare(p)
	if got := s.stages(); !slices.Equal(got, []string{"x failed over", "x failed over"}) || s.Run.Failed() == "" {
		t.Fatalf("the hooks are %q", got)
	}
	l := s.at[job("x")]
	if n := l.trouble.Pause.Tries(); n != 1 || l.failed != s.Run.Mark(fleet.SyncFail) {
		t.Errorf("it failed %d times in %s", n, l.failed)
	}
}

// An object of the app that became a hook is given up before the hook is created.
func TestAnObjectBecomesAHook(t *testing.T) {
	t.Parallel()
	for name, busy := range map[string]bool{"it is free": false, "a request for it is under way": true} {
		s := begin(t)
		p := s.planOf(hookLine("x", "PreSync"))
		o := owned.New(job("x"), s.c.Env.Objects.Claim("web", job("x"), nil).Number)
		o.Busy = busy
		s.set.Insert(o)
		s.prepare(p)
		if forgotten := slices.Contains(s.log, "forget x"); forgotten == busy {
			t.Errorf("%s: %q", name, s.log)
		}
		if !slices.Equal(s.settled, []string{"web x"}) {
			t.Errorf("%s: waited for %q", name, s.settled)
		}
	}
}

// A guess at the namespace of a hook is corrected when its kind is known.
func TestTheNamespaceOfAHookIsSettled(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.unserved = true
	p := s.planOf(hookLine("x", "PreSync"))
	s.unserved, s.global = false, true
	s.prepare(p)
	bare := job("x")
	bare.Namespace = ""
	if _, ok := s.there[bare]; !ok || s.Run.Hooks[0].Ref != bare || s.tracked[bare] != 1 || s.tracked[job("x")] != 0 {
		t.Errorf("the hook is %s; tracked is %v", s.Run.Hooks[0].Ref, s.tracked)
	}
}

func TestWhyAHookFailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(s *scene)
		says   string
	}{
		"its log tells":         {func(s *scene) { s.words = "its last words: panic" }, "it failed; its last words: panic"},
		"nothing more is known": {func(*scene) {}, "it failed"},
		"its log cannot be read": {func(s *scene) { s.refuses["words"] = errors.New("may not") },
			"it failed (its log cannot be read: may not)"},
		"its namespace is being deleted": {func(s *scene) {
			s.there[protocol.ObjectRef{Kind: "Namespace", Name: "shop"}] = agent.Live{Deleting: true}
		}, "it failed (its namespace is being deleted)"},
		"its namespace is gone": {func(s *scene) {
			delete(s.there, protocol.ObjectRef{Kind: "Namespace", Name: "shop"})
		}, "it failed (its namespace is being deleted)"},
		"namespaces are beyond the scope": {func(s *scene) {
			delete(s.there, protocol.ObjectRef{Kind: "Namespace", Name: "shop"})
			s.c.Env.Scope = agent.Scope{"shop"}
		}, "it failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			s.there[protocol.ObjectRef{Kind: "Namespace", Name: "shop"}] = agent.Live{}
			p := s.planOf(hookLine("x", "PreSync"))
			s.prepare(p)
			s.sees("x", protocol.HealthDegraded, "it failed")
			c.before(s)
			s.log = nil
			s.through(hook.Prepare, p)
			s.did("hook-failed x of web: PreSync: " + c.says)
			if !strings.HasPrefix(s.Run.Failed(), "PreSync: Job/shop/x failed: "+c.says+"; keeping the last applied version") {
				t.Errorf("the run failed: %q", s.Run.Failed())
			}
		})
	}
}

func TestHowTheObjectOfAHookIsReleased(t *testing.T) {
	t.Parallel()
	state := func(change func(*agent.HookState)) agent.HookState {
		st := agent.HookState{Ref: job("x"), APIVersion: "batch/v1", Phase: fleet.PreSync, Mark: "7.PreSync",
			Stage: agent.HookSucceeded, Over: true, Delete: []fleet.DeletePolicy{fleet.HookSucceeded}}
		change(&st)
		return st
	}
	there := agent.Live{HookRun: "7.PreSync"}
	as := func(*agent.HookState) {}
	kept := func(st *agent.HookState) { st.Delete = nil }
	for name, c := range map[string]struct {
		state  agent.HookState
		there  *agent.Live
		breaks func(*scene)
		did    []string
		tidy   bool
	}{
		"it is deleted":             {state(as), &there, nil, []string{"delete x"}, true},
		"it is kept":                {state(kept), &there, nil, []string{"release x"}, true},
		"it is gone":                {state(as), nil, nil, nil, true},
		"it is that of another run": {state(as), &agent.Live{HookRun: "8.PreSync"}, nil, nil, true},
		"it asks to be kept": {state(as), &agent.Live{HookRun: "7.PreSync", KeptBy: "annotation"}, nil,
			[]string{"release x"}, true},
		"its kind is gone, the cluster says": {state(as), &there, func(s *scene) { s.unserved = true }, nil, false},
		"its namespace is gone": {state(as), &there, func(s *scene) {
			s.refuses["get"] = &agent.Failure{Reason: agent.ReasonNamespace}
		}, nil, true},
		"the cluster does not answer": {state(as), &there, func(s *scene) { s.refuses["get"] = errors.New("no") }, nil,
			false},
		"it is not deleted": {state(as), &there, func(s *scene) { s.refuses["delete"] = errors.New("no") },
			[]string{"delete x"}, false},
		"a ConfigMap that is kept has nothing to release": {state(func(st *agent.HookState) {
			kept(st)
			st.Ref = protocol.ObjectRef{Kind: "ConfigMap", Namespace: "shop", Name: "x"}
		}), &there, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t)
			if c.there != nil {
				live := *c.there
				live.Ref = c.state.Ref
				s.there[live.Ref] = live
			}
			if c.breaks != nil {
				c.breaks(s)
			}
			s.Resume(&agent.Run{ID: "7", Hooks: []agent.HookState{c.state}})
			s.release(t.Context(), c.state)
			s.did(c.did...)
			if tidy := s.Run.Hooks[0].Tidy; tidy != c.tidy || s.set.Dirty != c.tidy {
				t.Errorf("there is nothing left to do: %v", tidy)
			}
			if l := s.at[c.state.Ref]; (l == nil) != c.tidy || l != nil && l.trouble == nil {
				t.Errorf("what is known of its object is %+v", l)
			}
		})
	}
}

func TestWhatIsNeverDeleted(t *testing.T) {
	t.Parallel()
	s := begin(t)
	crd := protocol.ObjectRef{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition", Name: "things.example.com"}
	for _, c := range []struct {
		ref  protocol.ObjectRef
		live agent.Live
		want bool
	}{
		{job("x"), agent.Live{}, false},
		{job("x"), agent.Live{KeptBy: "annotation"}, true},
		{job("agent"), agent.Live{}, true},
		{crd, agent.Live{}, true},
		{protocol.ObjectRef{Kind: "Namespace", Name: "shop"}, agent.Live{}, true},
	} {
		if got := s.c.Env.spared(c.ref, c.live); got != c.want {
			t.Errorf("%s with %+v: %v", c.ref, c.live, got)
		}
	}
}

// What cannot be read of a plan is said of its hooks.
func TestAPlanThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.planOf(hookLine("x", "PreSync"))
	broken := plan.Plan{Digest: p.Digest, Home: p.Home, Generation: p.Generation, Hooks: p.Hooks}
	s.prepare(&broken)
	if got := s.Run.Failed(); !strings.HasPrefix(got, "PreSync: decompress") || len(s.there) > 0 {
		t.Errorf("the run failed: %q", got)
	}
}
