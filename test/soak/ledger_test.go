package soak

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// named makes a set of ConfigMaps.
func named(kind string, n int) map[Ref]Object {
	out := map[Ref]Object{}
	for i := range n {
		r := Ref{kind, space, fmt.Sprintf("%s-%d", strings.ToLower(kind), i)}
		out[r] = Object{Ref: r, Value: "v"}
	}
	return out
}

// asked is what a commit asks of one cluster, c1, with the apps given.
func asked(apps map[string]map[Ref]Object) Ask {
	return Ask{Apps: apps, Kept: map[string]string{}, Hold: map[string]string{}, Lax: map[string]bool{}}
}

// one is the first ConfigMap.
var one = Ref{"ConfigMap", space, "configmap-0"}

func TestGuard(t *testing.T) {
	maps := func(n int) map[Ref]Object { return named("ConfigMap", n) }
	claims, others := named("PersistentVolumeClaim", 1), map[Ref]Object{}
	for r, o := range named("Secret", 40) {
		others[r] = o
	}
	successor := func(hash string) map[Ref]Object {
		out := map[Ref]Object{}
		for i := range 6 {
			r := Ref{"ConfigMap", space, fmt.Sprintf("settings-%d-%s", i, hash)}
			out[r] = Object{Ref: r}
		}
		return out
	}
	for name, c := range map[string]struct {
		before, after map[Ref]Object
		change        func(a *Ask)
		want          string // why it is held; "" if not
	}{
		"nothing leaves":            {maps(10), maps(10), nil, ""},
		"one of ten":                {maps(10), maps(9), nil, ""},
		"four of four":              {maps(4), maps(0), nil, ""},
		"five of five":              {maps(5), maps(0), nil, "5 of the app's 5 objects"},
		"half of ten":               {maps(10), maps(5), nil, ""}, // not more than half, and 5 of 50 in the cluster
		"six of ten":                {maps(10), maps(4), nil, "6 of the app's 10 objects"},
		"a fifth of the cluster":    {maps(60), maps(40), nil, ""},
		"more than that":            {maps(60), maps(39), nil, "21 of the cluster's 100 objects"},
		"a claim":                   {claims, nil, nil, "a PersistentVolumeClaim among them"},
		"a stateful set":            {named("StatefulSet", 3), named("StatefulSet", 2), nil, "a StatefulSet among them"},
		"a rule of its own":         {maps(2), maps(1), func(a *Ask) { a.Hold["app"] = "gone" }, "gone"},
		"moved to another app":      {maps(9), maps(0), func(a *Ask) { a.Apps["new"] = maps(9) }, ""},
		"replaced by other content": {successor("2456789bcd"), successor("fghkmt2456"), nil, ""},
		"without a successor":       {successor("2456789bcd"), nil, nil, "6 of the app's 6 objects"},
		"kept":                      {maps(9), maps(0), func(a *Ask) { a.keep("app", "unreadable") }, ""},
	} {
		ask := asked(map[string]map[Ref]Object{"app": c.after, "others": others})
		if c.change != nil {
			c.change(&ask)
		}
		first := asked(map[string]map[Ref]Object{"app": c.before, "others": others})
		must, may := Guard(base{"c1": first.sets()}, map[string]Ask{"c1": ask})
		if got := must["c1"]["app"]; got != c.want || got != "" && may["c1"]["app"] != got {
			t.Errorf("%s: held because of %q, want %q", name, got, c.want)
		}
	}
}

func TestGuardLooksAtTheWholeFleet(t *testing.T) {
	before, after := base{}, map[string]Ask{}
	for i := range 20 {
		c := fmt.Sprintf("c%d", i)
		before[c] = asked(map[string]map[Ref]Object{"app": named("ConfigMap", 50)}).sets()
		n := 50
		if i < 3 {
			n = 45 // 5 of 50: a tenth of the app and of the cluster
		}
		after[c] = asked(map[string]map[Ref]Object{"app": named("ConfigMap", n)})
	}
	must, _ := Guard(before, after)
	if got := must["c0"]["app"]; got != "5 objects or more in each of 3 of 20 clusters" {
		t.Error(got)
	}
	after["c2"] = after["c19"]
	if must, _ = Guard(before, after); must["c0"]["app"] != "" {
		t.Error("two clusters are held:", must["c0"]["app"])
	}
}

// A small app that goes together with much of the cluster may be held as well, and need not.
func TestGuardMayHoldMore(t *testing.T) {
	first := asked(map[string]map[Ref]Object{"small": named("ConfigMap", 3), "app": named("Secret", 60)})
	then := asked(map[string]map[Ref]Object{"app": named("Secret", 57)})
	must, may := Guard(base{"c1": first.sets()}, map[string]Ask{"c1": then})
	if must["c1"]["small"] != "" || may["c1"]["small"] == "" || may["c1"]["app"] != "" {
		t.Errorf("must %v, may %v", must, may)
	}
}

// story is a ledger with a clock: each commit is a second after the one before.
type story struct {
	*Ledger
	at time.Time
}

func newStory(first Ask) *story {
	s := &story{at: time.Unix(1000, 0)}
	s.Ledger = newLedger(State{Hash: "first", Op: "first", Time: s.at, Asks: map[string]Ask{"c1": first}})
	s.rested(nil)
	return s
}

func (s *story) then(op string, a Ask) {
	s.at = s.at.Add(time.Second)
	s.commit(State{Hash: op, Op: op, Time: s.at, Asks: map[string]Ask{"c1": a}})
}

// rested brings the cluster to what the newest commit wants, beside what is extra.
func (s *story) rested(extra Refs) {
	live := Refs{}
	for r := range s.now().Asks["c1"].wanted() {
		live[r] = true
	}
	for r := range extra {
		live[r] = true
	}
	s.settle("c1", live, extra)
	s.rest()
}

// deleted judges a delete right after the newest commit.
func (s *story) deleted(r Ref) string {
	return s.Judge(Event{Cluster: "c1", Time: s.at.Add(time.Millisecond), Verb: "delete", Ref: r})
}

// app asks for n ConfigMaps, beside 50 Secrets.
func app(n int) Ask {
	return asked(map[string]map[Ref]Object{"app": named("ConfigMap", n), "others": named("Secret", 50)})
}

// without asks for ConfigMaps but for the first.
func without(n int) Ask {
	a := app(n)
	delete(a.Apps["app"], one)
	return a
}

func TestDeletesAreJudged(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s *story)
		want string // part of what is said; "" if the delete is right
	}{
		"Git has it":               {func(*story) {}, "Git has it, in app app"},
		"Git no longer has it":     {func(s *story) { s.then("less", without(10)) }, ""},
		"most of the app":          {func(s *story) { s.then("most", app(0)) }, "the guard holds app app: 10 of"},
		"step by step, each small": {func(s *story) { s.then("a", without(10)); s.then("b", app(0)) }, ""},
		"and back again":           {func(s *story) { s.then("a", app(0)); s.then("b", app(10)) }, "Git has it"},
		"in doubt": {func(s *story) {
			a := without(10)
			a.Doubt = "unreadable"
			s.then("doubt", a)
		}, "in doubt: unreadable"},
		"suspended": {func(s *story) {
			a := without(10)
			a.Frozen = true
			s.then("frozen", a)
		}, "suspended"},
		"moved": {func(s *story) {
			a := without(10)
			a.Apps["new"] = map[Ref]Object{one: {Ref: one}}
			s.then("move", a)
		}, "Git has it, in app new"},
		"without its state": {func(s *story) {
			s.lose("c1", "the agent's state was lost", true)
			s.then("less", without(10))
		}, "nothing may be deleted"},
		"approved": {func(s *story) { s.then("most", app(0)); s.approve("c1", nil) }, ""},
		"approved for another": {func(s *story) {
			s.then("most", app(0))
			s.approve("c1", []string{"others"})
		}, "the guard holds"},
		"approved as people see the app": {func(s *story) {
			s.then("most", app(0))
			s.approve("c1", []string{"argocd/app"})
		}, ""},
		"approved before the fleet was at rest with it": {func(s *story) {
			s.then("none", app(0))
			s.rested(nil)
			s.then("back", app(10))
			s.then("most", app(0))
			s.approve("c1", []string{"app"})
			s.lose("c1", "the agent's state was lost", true)
		}, ""},
		"an orphan, approved": {func(s *story) {
			s.lose("c1", "the agent's state was lost", true)
			s.then("less", without(10))
			s.rested(Refs{one: true})
			s.approve("c1", []string{"argocd/app"})
		}, ""},
		"approved, wanted again": {func(s *story) {
			s.then("a", app(0))
			s.approve("c1", nil)
			s.then("b", app(10))
			s.rest()
		}, "Git has it"},
		"an orphan": {func(s *story) {
			s.lose("c1", "the agent's state was lost", true)
			s.then("less", without(10))
			s.rested(Refs{one: true})
		}, "an orphan"},
	} {
		s := newStory(app(10))
		c.do(s)
		if got := s.deleted(one); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestNamespaceWithStrangersStays(t *testing.T) {
	ns := Ref{"Namespace", "", "guest"}
	first, then := app(10), app(10)
	first.Apps["guests"] = map[Ref]Object{ns: {Ref: ns}}
	s := newStory(first)
	s.then("removed", then)
	if got := s.deleted(ns); got != "" {
		t.Error("an empty one:", got)
	}
	s.strangers["c1"]["guest"] = 2
	if got := s.deleted(ns); !strings.Contains(got, "2 objects in it are not Drover's") {
		t.Error(got)
	}
	if s.Excuse("c1", ns, true) != "held" || s.Excuse("c1", ns, false) != "" {
		t.Error("it may stay if the status shows it")
	}
	s.approve("c1", nil)
	if got := s.deleted(ns); got != "" {
		t.Error("approved:", got)
	}
}

func TestWhatMayStay(t *testing.T) {
	for name, c := range map[string]struct {
		then  Ask
		shown bool
		want  string
	}{
		"an ordinary commit leaves nothing behind": {without(10), true, ""},
		"held and shown":     {app(0), true, "held"},
		"held and not shown": {app(0), false, ""},
	} {
		s := newStory(app(10))
		s.then("then", c.then)
		if got := s.Excuse("c1", one, c.shown); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	s := newStory(app(10))
	s.lose("c1", "the hub's store was lost", false)
	s.then("less", without(10))
	if s.Excuse("c1", one, true) != "held" {
		t.Error("a hub without its store may hold more")
	}
	s.rested(Refs{one: true})
	if s.Excuse("c1", one, true) != "held" || s.Excuse("c1", one, false) != "" {
		t.Error("what was held stays held, and shown")
	}
}

func TestJobRunsOnce(t *testing.T) {
	job := Ref{"Job", space, "job"}
	first := app(1)
	first.Apps["app"][job] = Object{Ref: job}
	s := newStory(first)
	made := func() string { return s.create(Event{Cluster: "c1", Verb: "create", Ref: job}) }
	if got := made(); got != "" {
		t.Error(got)
	}
	if got := made(); !strings.Contains(got, "created 2 times, and Git asked for it 1 times") {
		t.Error(got)
	}
	s.then("removed", app(1))
	s.then("back", first)
	s.then("same", first)
	s.made["c1"][job] = 1
	if got := made(); got != "" {
		t.Error("Git removed it and wanted it again:", got)
	}
}
