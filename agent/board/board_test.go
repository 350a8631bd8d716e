package board

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/protocol"
)

func blob(digest string) *protocol.Blob { return &protocol.Blob{Digest: digest} }

// app is how an app is reached.
type app struct{ name string }

func nameOf(a *app) string { return a.name }

func planOf(digest string, names ...string) *plan.Plan {
	p := &plan.Plan{Digest: digest}
	for _, name := range names {
		p.Wants = append(p.Wants, plan.Want{Ref: mapOf(name)})
	}
	return p
}

func mapOf(name string) protocol.ObjectRef {
	return protocol.ObjectRef{Kind: "ConfigMap", Namespace: "ns", Name: name}
}

// What is on the board decides what is deleted. Whatever may be wanted is.
func TestWhatMayBeWantedIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order   orders.Order
		coming  *plan.Plan
		summary Summary
		keeps   bool // does the app keep the object from one that claims it
		wanted  bool // is it kept from being deleted
		doubt   bool // is nothing deleted at all
	}{
		"nothing is known of the app": {order: orders.Order{Spec: protocol.App{Blob: blob("1")}}, doubt: true},
		"it is in force": {order: orders.Order{Spec: protocol.App{Blob: blob("1")}},
			summary: Summary{Plan: planOf("1", "a")}, keeps: true, wanted: true},
		"it is in force, and a newer one is unknown": {order: orders.Order{Spec: protocol.App{Blob: blob("2")}},
			summary: Summary{Plan: planOf("1", "a")}, keeps: true, wanted: true, doubt: true},
		"it is in the next": {order: orders.Order{Spec: protocol.App{Blob: blob("2")}},
			summary: Summary{Plan: planOf("1"), Next: planOf("2", "a")}, keeps: true, wanted: true},
		"it is in what is coming": {order: orders.Order{Spec: protocol.App{Blob: blob("2")}},
			coming: planOf("2", "a"), summary: Summary{Plan: planOf("1")}, keeps: true, wanted: true},
		"it is not in the next any more": {order: orders.Order{Spec: protocol.App{Blob: blob("2")}},
			summary: Summary{Plan: planOf("1", "a"), Next: planOf("2")}, wanted: true},
		"it is not in what is coming": {order: orders.Order{Spec: protocol.App{Blob: blob("3")}},
			coming: planOf("3"), summary: Summary{Plan: planOf("1"), Next: planOf("2", "a")}, wanted: true},
		"the app leaves": {order: orders.Order{Spec: protocol.App{Blob: blob("1")},
			Leaving: true}, summary: Summary{Plan: planOf("1", "a")}},
		"the app cannot be rendered": {order: orders.Order{Spec: protocol.App{Error: "broken"}},
			summary: Summary{Plan: planOf("1", "a")}, keeps: true, wanted: true, doubt: true},
	} {
		b := New(nameOf)
		a := &app{"web"}
		b.Command(orders.Accepted{}, map[string]orders.Order{"web": {}}, func(string) *app { return a })
		b.Command(orders.Accepted{}, map[string]orders.Order{"web": c.order}, nil)
		b.Tell(a, c.summary)
		if c.coming != nil {
			b.Deliver(map[*app]*plan.Plan{a: c.coming})
		}
		if got := b.Keeps("web", mapOf("a")); got != c.keeps {
			t.Errorf("%s: it keeps the object: %v", name, got)
		}
		if got := b.WantedBeside("other", mapOf("a")); got != c.wanted || b.WantedBeside("", mapOf("a")) != c.wanted {
			t.Errorf("%s: it is wanted: %v", name, got)
		}
		if got := b.Doubt("other"); (got != "") != c.doubt {
			t.Errorf("%s: the doubt is %q", name, got)
		}
		if b.Doubt("web") != "" {
			t.Errorf("%s: the app is kept from deleting by itself: %q", name, b.Doubt("web"))
		}
	}
}

// An app is taken from the board only by the orders that took it away.
func TestAnAppThatCameBackStaysOnTheBoard(t *testing.T) {
	t.Parallel()
	b, a := New(nameOf), &app{"web"}
	var seq uint64
	create := func(name string) *app { return &app{name} }
	b.Add(a, protocol.App{Name: "web"})
	give := func(o orders.Order) {
		_, seq = b.Command(orders.Accepted{Known: true}, map[string]orders.Order{"web": o}, create)
	}
	give(orders.Order{})
	if b.Remove(a, seq) {
		t.Error("an app that is in the bundle was removed")
	}
	give(orders.Order{Leaving: true})
	old := seq
	give(orders.Order{Leaving: true})
	if b.Remove(a, old) {
		t.Error("an app was removed that had not read the newest orders")
	}
	if !b.Remove(a, seq) || b.App("web") != nil {
		t.Error("an app that left was not removed")
	}
	if list, _ := b.Command(orders.Accepted{}, map[string]orders.Order{"web": {Leaving: true}}, create); len(list) != 0 {
		t.Error("an app came back that is gone")
	}
}

// Rules of an app for one kind take precedence over its rules for a group, and there are none for Secrets.
func TestHealthRulesAreFoundByKind(t *testing.T) {
	t.Parallel()
	b := New(nameOf)
	rule := func(group, kind string) protocol.HealthRule { return protocol.HealthRule{Group: group, Kind: kind} }
	b.Add(&app{"kind"}, protocol.App{Handling: protocol.Handling{Health: []protocol.HealthRule{rule("example.com", ""),
		rule("example.com", "Thing")}}})
	b.Add(&app{"group"}, protocol.App{Handling: protocol.Handling{Health: []protocol.HealthRule{rule("example.com", ""),
		rule("", "")}}})
	for kind, want := range map[string]map[string]string{
		"example.com/Thing": {"kind": "example.com/Thing", "group": "example.com/"},
		"example.com/Other": {"kind": "example.com/", "group": "example.com/"},
		"other.com/Thing":   {},
		"/ConfigMap":        {"group": "/"},
		"/Secret":           {},
	} {
		group, name, _ := strings.Cut(kind, "/")
		got := map[string]string{}
		for app, r := range b.Rules(group, name) {
			got[app] = r.Group + "/" + r.Kind
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: rules %v, want %v", kind, got, want)
		}
	}
}

func TestWhatIsUnsureAboutTheApps(t *testing.T) {
	t.Parallel()
	known := orders.Order{Spec: protocol.App{Blob: blob("1")}}
	for name, c := range map[string]struct {
		acc   orders.Accepted
		order orders.Order
		plan  *plan.Plan
		want  string
	}{
		"everything is known": {orders.Accepted{Known: true}, known, planOf("1"), ""},
		"no bundle was read":  {orders.Accepted{}, known, planOf("1"), "no bundle has been read yet"},
		"the bundle has gaps": {orders.Accepted{Known: true,
			Bundle: protocol.Bundle{Incomplete: "a source is not there"}}, known, planOf("1"),
			"the bundle is not complete: a source is not there"},
		"the app is not rendered": {orders.Accepted{Known: true}, orders.Order{Spec: protocol.App{Error: "broken"}},
			planOf("1"), "app web cannot be rendered"},
		"its blob is not here": {orders.Accepted{Known: true}, known, planOf("0"),
			"it is not known yet what app web wants"},
		"an object is invalid": {orders.Accepted{Known: true}, known, &plan.Plan{Digest: "1",
			Invalid: []string{"line 1"}}, "it is not known what all objects of app web are"},
		"the app leaves": {orders.Accepted{Known: true}, orders.Order{Spec: protocol.App{Error: "broken"},
			Leaving: true}, nil, ""},
	} {
		b, a := New(nameOf), &app{"web"}
		b.Add(a, protocol.App{})
		b.Command(c.acc, map[string]orders.Order{"web": c.order}, nil)
		b.Tell(a, Summary{Plan: c.plan})
		if got := b.Unsure(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestDependenciesAreAwaited(t *testing.T) {
	t.Parallel()
	web := protocol.App{Name: "web", DependsOn: []string{"db"}}
	for name, c := range map[string]struct {
		missing bool
		facts   Summary
		want    string
	}{
		"it is healthy": {facts: Summary{Phase: protocol.PhaseHealthy}},
		"there is none": {missing: true, want: "waits for app db, which is pending"},
		"it is not healthy": {facts: Summary{Phase: protocol.PhaseDegraded},
			want: "waits for app db, which is degraded"},
		"a newer plan is to come": {facts: Summary{Phase: protocol.PhaseHealthy, Next: planOf("2")},
			want: "waits for app db, which is healthy"},
		"its content is not here yet": {facts: Summary{Phase: protocol.PhaseHealthy, Fetching: true},
			want: "waits for app db, which is healthy"},
	} {
		b, db := New(nameOf), &app{"db"}
		if !c.missing {
			b.Add(db, protocol.App{})
			b.Tell(db, c.facts)
		}
		if got := b.Awaited(web, orders.Status{}, orders.Accepted{}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	web.Ready = []protocol.Readiness{{App: "db",
		Expression: protocol.Expression{Tree: json.RawMessage("no expression")}, Instead: true}}
	if got := New(nameOf).Awaited(web, orders.Status{}, orders.Accepted{}); !strings.Contains(got,
		"correct the condition in Git") {
		t.Errorf("a condition that cannot be read: %q", got)
	}
	web.Ready[0].App = "other"
	if got := New(nameOf).Awaited(web, orders.Status{}, orders.Accepted{}); got != "waits for app db, which is pending" {
		t.Errorf("a condition on another app: %q", got)
	}
}

func TestThoseThatWaitForAnObjectAreToldOnce(t *testing.T) {
	t.Parallel()
	s, ref := NewStandings(), mapOf("a")
	if s.Awaited(ref) || s.Show(ref, &Standing{Wanted: true}) != nil {
		t.Error("an object is awaited that no app asked for")
	}
	if s.Await("web", ref) != nil || s.Await("shop", ref) != nil {
		t.Error("a standing is known that its owner has not told")
	}
	ready := Standing{Wanted: true, Current: true, After: []protocol.ObjectRef{mapOf("b")}}
	if got := s.Show(ref, &ready); !slices.Equal(got, []string{"shop", "web"}) {
		t.Errorf("told are %v", got)
	}
	if got := s.Show(ref, &ready); len(got) != 0 {
		t.Errorf("told again are %v", got)
	}
	if got := s.Await("web", ref); got == nil || !got.Equal(ready) || !s.Awaited(ref) {
		t.Errorf("it stands %+v", got)
	}
	if got := s.Show(ref, nil); !slices.Equal(got, []string{"web"}) || s.Await("web", ref) != nil {
		t.Errorf("the owner has gone, and told are %v", got)
	}
}
