package access

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/selector"
)

func sel(t *testing.T, text string) selector.Selector {
	t.Helper()
	s, err := selector.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var (
	staging    = map[string]string{"env": "staging"}
	production = map[string]string{"env": "production"}
)

func TestABindingGivesWhatItSaysAndNoMore(t *testing.T) {
	t.Parallel()
	on := func(group, role, clusters string, projects ...string) Binding {
		return Binding{Name: group + "-" + role, Role: role, Subjects: []Subject{{Group, group}},
			Scope: Scope{sel(t, clusters), projects}}
	}
	p := New([]Role{{"halter", []Rule{{[]string{"rollouts"}, []string{"halt"}}}}}, []Binding{
		on("sre", Operator, ""), on("dev", Operator, "env=staging"), on("pay", Viewer, "", "payment"),
		on("night", "halter", ""), on("lost", "nobody-made-this", ""),
		{Name: "ci", Role: Viewer, Subjects: []Subject{{Token, "ci"}}},
		{Name: "ann", Role: Admin, Subjects: []Subject{{User, "ann"}}},
	}, true)
	in := func(groups ...string) Caller { return Caller{Kind: Token, Name: "t", Groups: groups} }
	for _, c := range []struct {
		who  Caller
		v    Verb
		on   Resource
		at   Target
		want bool
	}{
		{Caller{}, Get, Clusters, In(staging), false},
		{in(), Get, Clusters, In(staging), false},
		{in("unknown"), List, Clusters, Anywhere(), false},
		{Caller{Shared: true}, Get, Store, Target{}, true},
		{Caller{Shared: true}, "nonsense", Store, Target{}, false},
		{in("sre"), Approve, Rollouts, Target{}, true},
		{in("sre"), Create, Tokens, Target{}, false},
		{in("sre"), Get, Store, Target{}, false},
		{in("sre"), Create, Credentials, In(staging), false},
		{in("dev"), Approve, Rollouts, In(staging), true},
		{in("dev"), Approve, Rollouts, In(production), false},
		{in("dev"), Approve, Rollouts, In(nil), false},
		{in("dev"), Approve, Rollouts, Target{}, false},
		{in("dev"), Approve, Rollouts, Anywhere(), true},
		{in("dev"), Get, Logs, Of(staging, "payment"), true},
		{in("dev"), Get, Logs, Of(production, "payment"), false},
		{in("pay"), Get, Apps, Of(production, "payment"), true},
		{in("pay"), Get, Apps, Of(production, "other"), false},
		{in("pay"), Get, Apps, Of(production, ""), false},
		{in("pay"), Get, Clusters, In(production), false},
		{in("pay"), Get, Logs, Of(production, "payment"), false}, // viewers see no logs
		{in("night"), Halt, Rollouts, Target{}, true},
		{in("night"), Resume, Rollouts, Target{}, false},
		{in("night"), Halt, Clusters, Target{}, false},
		{in("lost"), Get, Clusters, In(staging), false},
		{in("pay", "dev"), Approve, Rollouts, In(staging), true},
		{Caller{Kind: Token, Name: "ci"}, Get, Clusters, In(staging), true},
		{Caller{Kind: User, Name: "ci"}, Get, Clusters, In(staging), false},
		{Caller{Kind: User, Name: "ann"}, Get, Store, Target{}, true},
		{Caller{Kind: Token, Name: "ann"}, Get, Store, Target{}, false},
		// a token's own role, and what bounds it
		{Caller{Kind: Token, Name: "x", Role: Viewer}, Get, Clusters, In(production), true},
		{Caller{Kind: Token, Name: "x", Role: "gone"}, Get, Clusters, In(production), false},
		{Caller{Kind: Token, Name: "x", Role: Viewer, Limit: Scope{Clusters: sel(t, "env=staging")}}, Get, Clusters,
			In(production), false},
		{Caller{Kind: Token, Name: "x", Groups: []string{"sre"}, Limit: Scope{Clusters: sel(t, "env=staging")}}, Approve,
			Rollouts, In(staging), true},
		{Caller{Kind: Token, Name: "x", Groups: []string{"sre"}, Limit: Scope{Clusters: sel(t, "env=staging")}}, Approve,
			Rollouts, Target{}, false},
		{Caller{Kind: Token, Name: "x", Groups: []string{"sre"}, Limit: Scope{Projects: []string{"payment"}}}, Get, Logs,
			Of(production, "payment"), true},
		{Caller{Kind: Token, Name: "x", Groups: []string{"sre"}, Limit: Scope{Projects: []string{"payment"}}}, Get, Logs,
			In(production), false},
	} {
		got, why := p.Allowed(c.who, c.v, c.on, c.at)
		if got != c.want || why == "" {
			t.Errorf("%+v may %s %s in %+v: %v (%s), want %v", c.who, c.v, c.on, c.at, got, why, c.want)
		}
	}
}

// Where nothing was read, the shared token alone is accepted; where there never was a RoleBinding, named tokens keep
// what they could do before there were any, and users of an identity provider have nothing.
func TestWithoutBindings(t *testing.T) {
	t.Parallel()
	token, user := Caller{Kind: Token, Name: "ann"}, Caller{Kind: User, Name: "ann"}
	limited := Caller{Kind: Token, Name: "ci", Role: Viewer}
	for _, p := range []*Policy{nil, {}} {
		if ok, why := p.Allowed(token, Get, Clusters, Anywhere()); ok || !strings.Contains(why, "not read yet") {
			t.Errorf("before anything was read: %v %s", ok, why)
		}
		if ok, _ := p.Allowed(Caller{Shared: true}, Create, Tokens, Target{}); !ok {
			t.Error("the shared token is refused")
		}
	}
	p := New(nil, nil, false)
	for _, on := range Resources() {
		for _, v := range VerbsOf(on) {
			want := on != Tokens && on != Store
			if ok, why := p.Allowed(token, v, on, Target{}); ok != want {
				t.Errorf("a token without bindings: %s %s: %v %s", v, on, ok, why)
			}
			if ok, _ := p.Allowed(user, v, on, Anywhere()); ok {
				t.Errorf("a user without bindings may %s %s", v, on)
			}
		}
	}
	if ok, _ := p.Allowed(limited, Approve, Rollouts, Target{}); ok {
		t.Error("a token with a role has more than the role")
	}
	if ok, _ := New(nil, nil, true).Allowed(token, Get, Clusters, Anywhere()); ok {
		t.Error("a RoleBinding that cannot be read gives everything")
	}
}

// TestABindingNeverTakesARightAway adds random bindings one by one: what was allowed stays allowed, in decisions and in
// views, and views agree with decisions.
func TestABindingNeverTakesARightAway(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	var words []string
	for _, on := range Resources() {
		words = append(words, string(on))
	}
	for range 12 {
		var roles []Role
		for i := range 3 {
			r := Role{Name: fmt.Sprint("r", i)}
			for range 1 + rnd.IntN(3) {
				r.Rules = append(r.Rules, Rule{[]string{pick(append(words, Any)...)}, []string{pick("get", "list", "halt", Any)}})
			}
			roles = append(roles, r)
		}
		callers := []Caller{{}, {Kind: Token, Name: "a", Groups: []string{"g"}}, {Kind: User, Name: "a"},
			{Kind: Token, Name: "b", Role: "r0", Limit: Scope{Clusters: sel(t, "env=staging"), Projects: []string{"p", "q"}}}}
		targets := []Target{{}, Anywhere(), In(staging), In(production), Of(staging, "p"), Of(production, "q"), Of(nil, "")}
		var bindings []Binding
		allowed := map[string]bool{}
		for step := range 8 {
			p := New(roles, bindings, true)
			for ci, c := range callers {
				for _, on := range Resources() {
					for _, v := range VerbsOf(on) {
						for ti, at := range targets {
							key := fmt.Sprint(ci, on, v, ti)
							ok := p.Decide(c, v, on, at).Allowed
							if allowed[key] && !ok {
								t.Fatalf("binding %d took %s %s from %+v at %+v", step, v, on, c, at)
							}
							if step == 0 && ci < 3 && ok {
								t.Fatalf("without a binding %+v may %s %s at %+v", c, v, on, at)
							}
							allowed[key] = ok
							if all, projects := p.View(c, v, on).Cluster(at.labels); at.cluster &&
								ok != (all || at.app && at.project != "" && slices.Contains(projects, at.project)) {
								t.Fatalf("%+v: %s %s at %+v: decided %v, and the view has %v %v", c, v, on, at, ok, all, projects)
							}
						}
					}
				}
			}
			b := Binding{Name: fmt.Sprint(step), Role: pick("r0", "r1", "r2", Viewer, Operator, Admin, "none"),
				Subjects: []Subject{{SubjectKind(pick("Group", "User", "Token")), pick("a", "b", "g")}}}
			if rnd.IntN(2) == 0 {
				b.Clusters = sel(t, pick("env=staging", "!env", "env"))
			}
			if rnd.IntN(2) == 0 {
				b.Projects = []string{pick("p", "q", "z")}
			}
			bindings = append(bindings, b)
		}
	}
}

func TestRulesThatMeanNothingAreNamed(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Rule{
		"without resources or without verbs":     {nil, []string{"get"}},
		`there is no resource "podz"`:            {[]string{"podz"}, []string{"get"}},
		`logs has no verb "approve": it has get`: {[]string{"logs"}, []string{"approve"}},
		`no resource has the verb "fly"`:         {[]string{Any}, []string{"fly"}},
	} {
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", r, err, want)
		}
	}
	for name, role := range builtin {
		for _, rule := range role.Rules {
			if name != Admin && rule.Check() != nil {
				t.Errorf("%s: %v", name, rule.Check())
			}
		}
	}
	if err := (Rule{[]string{Any}, []string{Any}}).Check(); err != nil {
		t.Error(err)
	}
}

// Nobody makes a token that may do more than they may themselves.
func TestWhoMayMakeATokenForWhom(t *testing.T) {
	t.Parallel()
	maker := Role{"maker", []Rule{{[]string{"tokens"}, []string{Any}}, reading}}
	p := New([]Role{maker}, []Binding{{Name: "m", Role: "maker", Subjects: []Subject{{Group, "m"}}},
		{Name: "sre", Role: Operator, Subjects: []Subject{{Group, "sre"}}},
		{Name: "root", Role: Admin, Subjects: []Subject{{Group, "root"}}}}, true)
	in := func(groups ...string) Caller { return Caller{Kind: Token, Name: "x", Groups: groups} }
	for _, c := range []struct {
		by, of Caller
		want   bool
	}{
		{in("m"), Caller{Kind: Token, Role: Viewer}, true},
		{in("m"), Caller{Kind: Token, Role: Operator}, false},
		{in("m"), in("sre"), false},
		{in("m"), in("nothing-is-bound-to-this"), false}, // a RolloutPolicy may count approvals of it
		{in("m"), in("m"), true},
		{in("root"), in("sre", "root"), true},
		{Caller{Shared: true}, in("sre"), true},
	} {
		if ok, lacks := p.Covers(c.by, c.of); ok != c.want || ok == (lacks != "") {
			t.Errorf("%+v makes %+v: %v %q", c.by, c.of, ok, lacks)
		}
	}
}
