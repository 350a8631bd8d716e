package pass

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/protocol"
)

func TestTheNamespaceOfAnAppIsCreated(t *testing.T) {
	t.Parallel()
	plain := &protocol.NamespaceRequest{}
	labelled := &protocol.NamespaceRequest{Labels: map[string]string{"team": "a"},
		Annotations: map[string]string{"note": "b"}}
	forbidden := &agent.Failure{Reason: agent.ReasonForbidden, Text: "may not"}
	fault := []string{"fault: create its namespace shop: may not"}
	for name, c := range map[string]struct {
		request *protocol.NamespaceRequest
		lines   []string
		before  func(*scene)
		asked   []string
		body    string
		hears   []string
	}{
		"nobody asks for it": {nil, []string{configMap("a")}, func(*scene) {}, nil, "", nil},
		"the app asks for it": {plain, []string{configMap("a")}, func(*scene) {}, []string{"apply shop"},
			`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop"}}`, nil},
		"with labels and annotations": {labelled, []string{configMap("a")}, func(*scene) {}, []string{"apply shop"},
			`{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{"note":"b"},"labels":{"team":"a"},"name":"shop"}}`,
			nil},
		"it is among the app's objects": {plain, []string{line("v1", "Namespace", "shop")}, func(*scene) {}, nil, "", nil},
		"the app has no namespace":      {plain, []string{configMap("a")}, func(s *scene) { s.Plan.Home = "" }, nil, "", nil},
		"the agent may not, and it is there": {plain, []string{configMap("a")},
			func(s *scene) { s.refuses["shop"] = forbidden }, []string{"apply shop", "get shop"}, "-", nil},
		"the agent may not, and it is not there": {plain, []string{configMap("a")}, func(s *scene) {
			s.refuses["shop"], s.refuses["get shop"] = forbidden, errors.New("missing")
		}, []string{"apply shop", "get shop"}, "-", fault},
		"the agent may not, by its scope": {plain, []string{configMap("a")}, func(s *scene) {
			s.Scope = agent.Scope{"shop"}
			s.refuses["shop"], s.refuses["get shop"] = forbidden, errors.New("missing")
		}, []string{"apply shop", "get shop"}, "-", nil},
		"the agent may not, and labels are asked for": {labelled, []string{configMap("a")},
			func(s *scene) { s.refuses["shop"] = forbidden }, []string{"apply shop"}, "-", fault},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.current.Spec.CreateNamespace = c.request
			p := s.enter(c.lines...)
			c.before(s)
			if ok := s.EnsureNamespace(t.Context(), p); ok != (c.hears == nil) {
				t.Errorf("the app goes on: %v", ok)
			}
			s.requests(c.asked...)
			s.hears(c.hears...)
			if patch := s.patches["shop"]; c.body != "-" && string(patch.Line) != c.body ||
				c.body != "" && (patch.Manager != agent.Manager+"-namespace-web" || patch.App != "") {
				t.Errorf("applied is %s by %s", patch.Line, patch.Manager)
			}
		})
	}
}

// What was granted is not asked for again, until something else is asked for or the namespace is gone.
func TestANamespaceIsCreatedOnce(t *testing.T) {
	t.Parallel()
	s := begin(t)
	s.current.Spec.CreateNamespace = &protocol.NamespaceRequest{}
	p := s.enter(configMap("a"))
	s.refuses["shop"] = errors.New("no answer")
	s.EnsureNamespace(t.Context(), p)
	delete(s.refuses, "shop")
	s.EnsureNamespace(t.Context(), p)
	s.requests("apply shop", "apply shop")
	s.EnsureNamespace(t.Context(), p)
	s.requests()
	s.Settings.CreateNamespace = &protocol.NamespaceRequest{Labels: map[string]string{"team": "a"}}
	s.EnsureNamespace(t.Context(), p)
	s.requests("apply shop")
	o := s.object("a")
	o.Trouble = owned.NewTrouble()
	o.Trouble.Note(&agent.Failure{Reason: agent.ReasonNamespace, Text: "gone"}, time.Now())
	s.EnsureNamespace(t.Context(), p)
	s.requests("apply shop")
}

// The watch of autoscalers begins before what they may scale is applied.
func TestAutoscalersAreFollowedInTime(t *testing.T) {
	t.Parallel()
	s := begin(t)
	p := s.enter(deployment, configMap("b"))
	if !s.Prepare(t.Context(), p) || !slices.Equal(s.follows, []string{"shop"}) {
		t.Errorf("followed is %q", s.follows)
	}
	applied(s.object("a"))
	if s.Prepare(t.Context(), p); len(s.follows) != 1 {
		t.Errorf("followed is %q for what is applied", s.follows)
	}
}
