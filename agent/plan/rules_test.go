package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestUnmetNeeds(t *testing.T) {
	t.Parallel()
	all := []string{protocol.NeedServiceAccount, protocol.NeedDecrypt, protocol.NeedSubstitute, protocol.NeedOrphan,
		protocol.NeedOpaque,
		protocol.NeedRollback}
	for _, c := range []struct {
		needs []string
		says  string
	}{
		{nil, ""}, {all, ""},
		{append([]string{"new"}, all...), "an agent that knows new, and"},
		{append([]string{"new", "newer"}, all...), "an agent that knows new and newer, and"},
	} {
		if why := Unmet(protocol.App{Needs: c.needs}); !strings.Contains(why, c.says) || (why == "") != (c.says == "") {
			t.Errorf("%v: got %q", c.needs, why)
		}
	}
}

func TestIgnoreRulesOfAnObjectAreJoined(t *testing.T) {
	t.Parallel()
	a, b := protocol.ObjectRef{Kind: "Pod", Name: "a"}, protocol.ObjectRef{Kind: "Pod", Name: "b"}
	rules := []protocol.Ignored{{Object: a, Paths: make([]string, 1, 9), Managers: []string{"m"}}, {Object: b,
		Managers: []string{"n"}},
		{Object: a, Paths: []string{"/q"}, Managers: []string{"o"}}}
	rules[0].Paths[0] = "/p"
	got := IgnoredByObject(rules)
	equal(t, "rules", got, map[protocol.ObjectRef]protocol.Ignored{
		a: {Object: a, Paths: []string{"/p", "/q"}, Managers: []string{"m", "o"}}, b: {Object: b, Managers: []string{"n"}}})
	if rules[0].Paths[:2][1] != "" {
		t.Error("the rules were written to")
	}
	equal(t, "none", IgnoredByObject(nil), map[protocol.ObjectRef]protocol.Ignored{})
}

func TestSteersAreReadFromControllersObjects(t *testing.T) {
	t.Parallel()
	canary := func(name, spec string) string {
		return strings.TrimSuffix(object("flagger.app/v1beta1 Canary", name), "}") + `,"spec":` + spec + `}`
	}
	const target = `{"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"d"},"analysis":{"interval":"10s"}}`
	p := planned(t, canary("c", target), canary("ns/e", target), canary("empty", `{}`), object("ConfigMap", "a"),
		canary("broken", `7`))
	by := func(namespace, name string) protocol.ObjectRef {
		return protocol.ObjectRef{Group: "flagger.app", Kind: "Canary", Namespace: namespace, Name: name}
	}
	if len(p.Steers()) != 2 {
		t.Fatalf("got %v", p.Steers())
	}
	for i, namespace := range []string{"home", "ns"} {
		st := p.Steers()[i]
		equal(t, "by", st.By, by(namespace, []string{"c", "e"}[i]))
		deployment := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: namespace, Name: "d"}
		equal(t, "target", st.Target, deployment)
		equal(t, "within", st.Within, 20*time.Second)
		equal(t, "fields", st.Fields[0], protocol.Ignored{Object: deployment, Paths: []string{"/spec/replicas"}})
		equal(t, "steering", p.Steering(st.By), true)
	}
	equal(t, "steering nothing", p.Steering(by("home", "empty")), false)
	equal(t, "no plan", (*Plan)(nil).Steering(by("home", "c")), false)
}
