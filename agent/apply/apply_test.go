package apply

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// script is a cluster with one object, that notes what is asked of it.
type script struct {
	there   *agent.Live    // nil if there is none
	refuses []agent.Reason // of the applies, one after the other
	lingers bool           // a deleted object has finalizers
	changes int            // times that it changes while it is about to be deleted
	asked   []string
}

func (s *script) Get(context.Context, agent.Resource, protocol.ObjectRef) (agent.Live, error) {
	s.asked = append(s.asked, "get")
	if s.there == nil {
		return agent.Live{}, &agent.Failure{Reason: agent.ReasonMissing}
	}
	return *s.there, nil
}

func (s *script) Apply(_ context.Context, _ agent.Resource, ref protocol.ObjectRef, p agent.Patch) (agent.Live, error) {
	what := "apply"
	switch {
	case p.Try:
		what = "try " + ref.Name
	case p.Polite:
		what = "apply politely"
	case p.Strings:
		what = "apply over strings"
	}
	s.asked = append(s.asked, what)
	if len(s.refuses) > 0 {
		reason := s.refuses[0]
		if s.refuses = s.refuses[1:]; reason != agent.ReasonOther {
			return agent.Live{}, &agent.Failure{Reason: reason, Text: "refused", Brief: "no"}
		}
	}
	live := agent.Live{Created: s.there == nil}
	if s.there != nil {
		live.Managed = s.there.Managed
	}
	return live, nil
}

func (s *script) TakeOver(context.Context, agent.Resource, protocol.ObjectRef, bool, []string) (bool, error) {
	s.asked = append(s.asked, "take over")
	return true, nil
}

func (s *script) Delete(context.Context, agent.Resource, agent.Live) (gone bool, err error) {
	s.asked = append(s.asked, "delete")
	if s.changes > 0 {
		s.changes--
		return false, &agent.Failure{Reason: agent.ReasonConflict}
	}
	if !s.lingers {
		s.there = nil
	}
	return !s.lingers, nil
}

func TestObjectsAreAppliedAsTheirModeAsks(t *testing.T) {
	t.Parallel()
	plain := func() *agent.Live { return &agent.Live{UID: "1"} }
	kubectl := func() *agent.Live {
		return &agent.Live{UID: "1", Managed: []agent.Managed{{Manager: "kubectl-client-side-apply", Operation: "Update"}}}
	}
	paused := func() *agent.Live { return &agent.Live{UID: "1", Paused: true} }
	config := protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: "x"}
	namespace := protocol.ObjectRef{Kind: "Namespace", Name: "x"}
	for name, c := range map[string]struct {
		task   Task
		script script
		asked  string
		left   bool
		err    string
	}{
		"it is created": {Task{First: true, Patch: agent.Patch{Polite: true}}, script{},
			"apply politely", false, ""},
		"it is changed":                     {Task{}, script{there: plain()}, "apply", false, ""},
		"only if it is not there":           {Task{Mode: fleet.ModeIfNotPresent}, script{there: plain()}, "get", true, ""},
		"only if it is not there, as it is": {Task{Mode: fleet.ModeIfNotPresent}, script{}, "get, apply", false, ""},
		"others have fields of it": {Task{First: true, Patch: agent.Patch{Polite: true}}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonManaged}}, "apply politely, get, apply", false, ""},
		"others have, and it is to be left": {Task{First: true, Patch: agent.Patch{Polite: true}},
			script{there: paused(), refuses: []agent.Reason{agent.ReasonManaged}}, "apply politely, get", true, ""},
		"another tool applied it": {Task{First: true}, script{there: kubectl()},
			"apply, take over, apply over strings", false, ""},
		"it is healed": {Task{Heal: true}, script{there: kubectl()}, "apply", false, ""},
		"a field is immutable": {Task{}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonImmutable}}, "apply", false, "refused"},
		"it is recreated": {Task{Recreate: true}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonImmutable}}, "apply, try x-rehearsal, get, delete, apply", false, ""},
		"it has finalizers": {Task{Recreate: true}, script{there: plain(), lingers: true,
			refuses: []agent.Reason{agent.ReasonImmutable}}, "apply, try x-rehearsal, get, delete", false,
			"recreated when its finalizers are removed"},
		"it could not be created again": {Task{Recreate: true}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonImmutable, agent.ReasonDenied}}, "apply, try x-rehearsal", false,
			"it was not deleted to be recreated, because that would fail"},
		"a quota is used up by itself": {Task{Recreate: true}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonImmutable, agent.ReasonQuota}}, "apply, try x-rehearsal, get, delete, apply",
			false, ""},
		"it changes while it is deleted": {Task{Recreate: true}, script{there: plain(), changes: 2,
			refuses: []agent.Reason{agent.ReasonImmutable}},
			"apply, try x-rehearsal, get, delete, get, delete, get, delete, apply", false, ""},
		"it changes again and again": {Task{Recreate: true}, script{there: plain(), changes: 3,
			refuses: []agent.Reason{agent.ReasonImmutable}}, "apply, try x-rehearsal, get, delete, get, delete, get, delete",
			false, "delete it, to recreate it"},
		"it is a part of the agent": {Task{Recreate: true, Protected: true}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonImmutable}}, "apply", false, "never deleted to be recreated"},
		"it holds others": {Task{Recreate: true, Ref: namespace}, script{there: plain(),
			refuses: []agent.Reason{agent.ReasonImmutable}}, "apply", false, "because what it holds would go with it"},
		"it is gone already when it is asked": {Task{Recreate: true},
			script{refuses: []agent.Reason{agent.ReasonImmutable}}, "apply, try x-rehearsal, get, apply", false, ""},
	} {
		recreated := ""
		task := c.task
		if task.Ref.Name == "" {
			task.Ref = config
		}
		task.At, task.Recreated = &c.script, func(message string) { recreated = message }
		live, err := task.Put(t.Context())
		if got := strings.Join(c.script.asked, ", "); got != c.asked || live.Left != c.left {
			t.Errorf("%s: asked was %q, want %q; left %t", name, got, c.asked, live.Left)
		}
		if got := fmt.Sprint(err); (err == nil) != (c.err == "") || !strings.Contains(got, c.err) && err != nil {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		if told := recreated != ""; told != (task.Recreate && err == nil) || told &&
			recreated != "deleted and recreated, as Git asks: no" {
			t.Errorf("%s: told was %q", name, recreated)
		}
	}
}

// The name of a kind whose name follows from what it is cannot be another, so nothing can be tried under one.
func TestTheNameOfARehearsalIsOneThatIsAllowed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"x":                            "try x-rehearsal",
		strings.Repeat("a", 39) + "-b": "try " + strings.Repeat("a", 39) + "-rehearsal",
	} {
		s := &script{}
		if err := (Task{At: s, Ref: protocol.ObjectRef{Kind: "ConfigMap",
			Name: name}}).rehearse(t.Context()); err != nil || s.asked[0] != want {
			t.Errorf("%s: %v, %v", name, s.asked, err)
		}
	}
	s := &script{}
	if err := (Task{At: s, Ref: protocol.ObjectRef{Group: "storage.k8s.io", Kind: "CSIDriver",
		Name: "x"}}).rehearse(t.Context()); err != nil || len(s.asked) != 0 {
		t.Error(s.asked, err)
	}
}
