package checks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/health"
	"github.com/drover-dev/drover/protocol"
)

// scene is a cluster, and the goroutine of an app, which is that of the test.
type scene struct {
	Checks
	namespaced bool
	rule       protocol.HealthRule
	followed   chan follow
	posts      chan func()
	changed    int
	account    string // of the app
	may        func(account string, ref protocol.ObjectRef) error
}

// follow is one object that is followed.
type follow struct {
	ctx   context.Context
	where string // namespace and name
	sight func(agent.Sighting)
}

func (s *scene) Served(context.Context, string, string) (agent.Resource, error) {
	return agent.Resource{Namespaced: s.namespaced}, nil
}

func (s *scene) Follow(ctx context.Context, _ agent.Resource, namespace, name string, _ *health.Rule,
	sight func(agent.Sighting)) {
	s.followed <- follow{ctx, namespace + "/" + name, sight}
	<-ctx.Done()
}

func newScene(scope ...string) *scene {
	s := &scene{namespaced: true, followed: make(chan follow, 2*limit), posts: make(chan func(), 10)}
	s.Checks = New(Config{Cluster: s, Scope: scope, Post: func(f func()) { s.posts <- f }, Changed: func() { s.changed++ },
		Start:   func(f func()) bool { go f(); return true },
		Account: func() string { return s.account },
		May: func(_ context.Context, account string, _ agent.Resource, ref protocol.ObjectRef) error {
			return s.may(account, ref)
		},
		Brought: func(string, string) protocol.HealthRule { return s.rule }, Rule: func(string,
			string) *health.Rule {
			return nil
		}})
	return s
}

func in(namespace, name string) protocol.ObjectRef {
	return protocol.ObjectRef{Group: "example.com", Kind: "Thing", Namespace: namespace, Name: name}
}

// problems are what is not current, as text.
func (s *scene) problems() string {
	var out []string
	for _, p := range s.Ill() {
		out = append(out, fmt.Sprintf("%s %s: %s", p.Object.Name, p.Health, p.Message))
	}
	return strings.Join(out, "\n")
}

func TestObjectsAreFollowedWhereTheyAre(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ref        protocol.ObjectRef
		namespaced bool
		want       string
	}{
		"in the namespace that is named": {in("other", "x"), true, "other/x"},
		"in the app's, if none is":       {in("", "x"), true, "home/x"},
		"in none, if the kind has none":  {in("other", "x"), false, "/x"},
	} {
		s := newScene()
		s.namespaced = c.namespaced
		s.Set(t.Context(), []protocol.ObjectRef{c.ref}, "home")
		if got := <-s.followed; got.where != c.want {
			t.Errorf("%s: it is followed as %s", name, got.where)
		}
		if got := s.problems(); got != "x unknown: it was not looked at yet" {
			t.Errorf("%s: %q", name, got)
		}
	}
	s := newScene("home")
	s.Set(t.Context(), []protocol.ObjectRef{in("other", "x")}, "home")
	(<-s.posts)()
	if want := "x degraded: " + (agent.Scope{"home"}).Failure().Text; s.problems() != want || len(s.followed) != 0 {
		t.Errorf("beyond the scope: %q", s.problems())
	}
}

// What an account may not read is not looked at, until it may. With the agent's own rights nobody is asked.
func TestObjectsAreFollowedWithTheRightsOfTheApp(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.account = "team/deployer"
	asked := make(chan string, 10)
	given := make(chan struct{})
	s.may = func(account string, ref protocol.ObjectRef) error {
		asked <- account + " " + ref.Namespace + "/" + ref.Name
		select {
		case <-given:
			return nil
		default:
			return errors.New("it may not")
		}
	}
	s.Set(t.Context(), []protocol.ObjectRef{in("", "x")}, "home")
	if got := <-asked; got != "team/deployer home/x" {
		t.Errorf("asked is %s", got)
	}
	(<-s.posts)()
	if got := s.problems(); got != "x degraded: it is not looked at: it may not" || len(s.followed) > 0 {
		t.Errorf("without the right: %q", got)
	}
	close(given)
	f := <-s.followed
	if f.where != "home/x" {
		t.Errorf("with the right it is followed as %s", f.where)
	}
	s.account = "team/other"
	s.Set(t.Context(), []protocol.ObjectRef{in("", "x")}, "home")
	for got := ""; got != "team/other home/x"; {
		got = <-asked
	}
	if <-s.followed; f.ctx.Err() == nil {
		t.Error("it is followed on with the rights of another account")
	}
	s.account, s.may = "", nil
	s.Set(t.Context(), []protocol.ObjectRef{in("", "x")}, "home")
	<-s.followed
}

func TestAChangeOfHealthIsTold(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.Set(t.Context(), []protocol.ObjectRef{in("ns", "x")}, "home")
	f := <-s.followed
	for i, c := range []struct {
		sighting agent.Sighting
		changed  int
		want     string
	}{
		{agent.Sighting{Kind: agent.SightObject, Verdict: fleet.Verdict{Health: protocol.HealthDegraded, Message: "bad"}},
			1, "x degraded: bad"},
		{agent.Sighting{Kind: agent.SightObject, Verdict: fleet.Verdict{Health: protocol.HealthDegraded, Message: "bad"}},
			1, "x degraded: bad"},
		{agent.Sighting{Kind: agent.SightObject, Verdict: fleet.Verdict{Health: protocol.HealthCurrent}}, 2, ""},
		{agent.Sighting{Kind: agent.SightGone}, 3,
			"x progressing: it is not there, and waited for: no part of this app makes it"},
	} {
		f.sight(c.sighting)
		if (<-s.posts)(); s.changed != c.changed || s.problems() != c.want {
			t.Errorf("sighting %d: told %d times: %q", i, s.changed, s.problems())
		}
	}
	f.sight(agent.Sighting{Kind: agent.SightObject}) // is on its way when the object is not followed any more
	s.Set(t.Context(), nil, "home")
	if (<-s.posts)(); s.changed != 3 || s.problems() != "" {
		t.Errorf("told %d times: %q", s.changed, s.problems())
	}
	<-f.ctx.Done()
}

func TestOnlyWhatChangedIsFollowedAgain(t *testing.T) {
	t.Parallel()
	s := newScene()
	set := func(names ...string) (begun int) {
		var refs []protocol.ObjectRef
		for _, name := range names {
			refs = append(refs, in("ns", name))
		}
		before := len(s.list)
		s.Set(t.Context(), refs, "home")
		for range max(0, len(s.list)-before) {
			<-s.followed
		}
		return len(s.list)
	}
	set("a", "b")
	first := s.list[0]
	if set("a", "b", "c") != 3 || s.list[0] != first {
		t.Error("what was followed before is followed again")
	}
	s.rule.Kind = "Thing"
	if set("a", "b", "c") != 3 || s.list[0] == first {
		t.Error("it is judged by the rule before")
	}
	second := s.list[0]
	if set("b") != 1 || second == s.list[0] {
		t.Error("it is still followed")
	}
	s.Stop()
}

func TestAnAppMayHaveSoManyObjectsFollowed(t *testing.T) {
	t.Parallel()
	s := newScene()
	var refs []protocol.ObjectRef
	for i := range limit + 2 {
		refs = append(refs, in("ns", fmt.Sprint("x", i)))
	}
	s.Set(t.Context(), refs, "home")
	ill := s.Ill()
	if last := ill[len(ill)-1]; len(ill) != limit+1 || last.Object != refs[limit+1] || !strings.Contains(last.Message,
		"100 objects of others checked, and this one names 2 more") {
		t.Errorf("%d problems, the last is %+v", len(ill), last)
	}
	if s.Set(t.Context(), nil, "home"); len(s.Ill()) != 0 {
		t.Error("it is still not looked at")
	}
}
