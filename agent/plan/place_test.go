package plan

import (
	"context"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

func TestPlaceFindsNamespaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ home, line, want string }{
		{"home", object("ConfigMap", "a"), "home"},
		{"home", object("ConfigMap", "ns/a"), "ns"},
		{"", object("ConfigMap", "a"), "default"},
		{"home", object("rbac.authorization.k8s.io/v1 ClusterRole", "a"), ""},
		{"home", object("rbac.authorization.k8s.io/v1 ClusterRole", "ns/a"), ""},
		{"home", object("Unknown", "a"), "home"},
		{"home", object("Unknown", "ns/a"), "ns"},
	} {
		hook := strings.TrimSuffix(c.line, "}}") + `,"annotations":{"drover.dev/hook":"Sync"}}}`
		src := source(c.line, strings.Replace(hook, `"a"`, `"h"`, 1))
		src.Spec.Namespace = c.home
		p := mustPlace(t, mustRead(t, src, nil))
		equal(t, c.line, p.Wants[0].Ref.Namespace, c.want)
		equal(t, hook, p.Hooks[0].Ref.Namespace, c.want)
		equal(t, c.line, p.Wants[0].KindUnknown, strings.Contains(c.line, "Unknown"))
		equal(t, hook, p.Hooks[0].KindUnknown, strings.Contains(c.line, "Unknown"))
	}
}

func TestPlaceAsksForTheVersionOfTheLine(t *testing.T) {
	t.Parallel()
	var asked []string
	p := mustRead(t, source(object("apps/v1 Deployment", "a"), object("batch/v1 Job", "b", "drover.dev/hook",
		"Sync")), nil)
	_, err := p.Place(t.Context(), func(_ context.Context, apiVersion, kind string) (agent.Resource, error) {
		asked = append(asked, apiVersion+" "+kind)
		return agent.Resource{}, nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "asked", asked, []string{"apps/v1 Deployment", "batch/v1 Job"})
}

func TestPlaceEndsWhereAKindCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	for _, annotation := range []string{"none", "drover.dev/hook"} {
		p := mustRead(t, source(object("ConfigMap", "a"), object("Broken", "b", annotation, "Sync")), nil)
		if q, err := p.Place(t.Context(), kinds, nil); agent.ReasonOf(err) != agent.ReasonUnreachable || q != nil {
			t.Errorf("%s: got %v, %v", annotation, q, err)
		}
	}
}

func TestPlaceRefusesDuplicates(t *testing.T) {
	t.Parallel()
	p := planned(t, object("ConfigMap", "a"), object("ConfigMap", "home/a", "second", "1"), object("ConfigMap",
		"other/a"),
		object("Job", "h", "drover.dev/hook", "Sync"), object("Job", "home/h", "drover.dev/hook", "PreSync"),
		object("ConfigMap", "a", "drover.dev/hook", "Sync"))
	equal(t, "objects", refs(p), []string{"ConfigMap/home/a", "ConfigMap/other/a"})
	equal(t, "the first is kept", p.Wants[0].NamespaceOmitted, true)
	equal(t, "hooks", hookRefs(p), []string{"Job/home/h"})
	const twice = " twice: take one of them out of Git"
	equal(t, "invalid", p.Invalid, []string{"the app has ConfigMap/home/a" + twice, "the app has Job/home/h" + twice,
		"the app has ConfigMap/home/a" + twice})
}

func TestPlaceTakesEveryHookWithAGeneratedName(t *testing.T) {
	t.Parallel()
	hook := func(more string) string {
		return `{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"run-"` + more +
			`,"annotations":{"drover.dev/hook":"Sync"}}}`
	}
	p := planned(t, hook(""), hook(""))
	equal(t, "hooks", len(p.Hooks), 2)
	p = planned(t, hook(`,"name":"a"`), hook(`,"name":"a"`))
	equal(t, "hooks of one name", len(p.Hooks), 1)
	equal(t, "invalid", p.Invalid, []string{"the app has Pod/home/a twice: take one of them out of Git"})
}

func TestPlaceKeepsToTheScope(t *testing.T) {
	t.Parallel()
	p := mustPlace(t, mustRead(t, source(object("ConfigMap", "a"), object("ConfigMap", "other/b"),
		object("Namespace", "home"),
		object("Job", "other/h", "drover.dev/hook", "Sync"), object("Job", "i", "drover.dev/hook", "Sync")), nil), "home")
	equal(t, "objects", refs(p), []string{"ConfigMap/home/a"})
	equal(t, "hooks", hookRefs(p), []string{"Job/home/i"})
	equal(t, "outside", p.Outside, []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: "other", Name: "b"},
		{Kind: "Namespace", Name: "home"}, {Group: "", Kind: "Job", Namespace: "other", Name: "h"}})
	equal(t, "invalid", p.Invalid, nil)
}

func TestPlaceOrdersByWaveStageAndReference(t *testing.T) {
	t.Parallel()
	wave := func(kind, name, wave string) string { return object(kind, name, "drover.dev/sync-wave", wave) }
	p := planned(t, wave("ConfigMap", "late", "1"), wave("Pod", "b", "0"), wave("Pod", "a", "0"),
		wave("ConfigMap", "c", "0"), wave("Namespace", "n", "0"), wave("Pod", "early", "-1"))
	equal(t, "objects", refs(p), []string{"Pod/home/early", "Namespace/n", "ConfigMap/home/c", "Pod/home/a",
		"Pod/home/b",
		"ConfigMap/home/late"})
	hook := func(kind, name, wave string) string {
		return object(kind, name, "drover.dev/sync-wave", wave, "drover.dev/hook", "Sync")
	}
	p = planned(t, hook("Job", "late", "1"), hook("Job", "b", "0"), hook("Secret", "z", "0"), hook("Job", "a", "0"),
		hook("Job", "early", "-1"))
	equal(t, "hooks", hookRefs(p), []string{"Job/home/early", "Secret/home/z", "Job/home/a", "Job/home/b",
		"Job/home/late"})
}
