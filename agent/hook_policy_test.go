package agent_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func TestHooksAreDoneOncePerRevision(t *testing.T) {
	t.Parallel()
	cp, ns, hub, first := scene(t)
	objects := []string{hookJob(ns, "migrate", "PreSync", works), hookJob(ns, "warm", "PostSync", works), configMap(ns, "settings", "1")}
	app := hub.App(t, "shop", objects...)
	hub.Apply(t, app)
	uid := still(t, cp, jobRef(ns, "migrate")).Text("metadata", "uid")
	mustDelete(t, cp, mapRef(ns, "settings")) // drift
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "settings"), "healed", testenv.Exists); err != nil {
		t.Fatal(err)
	}
	hub.Apply(t, app, hub.App(t, "other", configMap(ns, "other", "1"))) // another bundle
	first.Stop(t)
	agenttest.Start(t, cp, ns, hub) // another agent
	hub.Nth(t, protocol.EventStarted, 1)
	hub.Apply(t, app, hub.App(t, "other", configMap(ns, "other", "2")))
	if got := still(t, cp, jobRef(ns, "migrate")).Text("metadata", "uid"); got != uid || starts(hub, "migrate") != 1 || starts(hub, "warm") != 1 {
		t.Errorf("the hooks were begun %d and %d times, want once", starts(hub, "migrate"), starts(hub, "warm"))
	}
	hub.Apply(t, hub.App(t, "shop", append(objects[:2:2], configMap(ns, "settings", "2"))...))
	if got := still(t, cp, jobRef(ns, "migrate")).Text("metadata", "uid"); got == uid {
		t.Error("the hook was not done for the next revision")
	}
	hub.Apply(t, app) // back to what there was is another delivery
	if n := starts(hub, "migrate"); n != 3 {
		t.Errorf("the hook was begun %d times in 3 deliveries", n)
	}
}

func TestHooksAreDeletedAsTheirPolicySays(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	policy := func(p string) string { return "argocd.argoproj.io/hook-delete-policy: " + p }
	account := fmt.Sprintf(`{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"migrator","namespace":%q,
		"annotations":{"helm.sh/hook":"pre-install,pre-upgrade","helm.sh/hook-delete-policy":"hook-succeeded"}}}`, ns)
	job := strings.Replace(hookJob(ns, "gone", "PreSync", works, policy("HookSucceeded")), "{restartPolicy", "{serviceAccountName: migrator, restartPolicy", 1)
	generated := strings.Replace(hookJob(ns, "made-", "PostSync", works), "name: made-", "generateName: made-", 1)
	skipped := hookJob(ns, "skipped", "Skip", works)
	objects := []string{job, account, generated, skipped, hookJob(ns, "failed-only", "PreSync", works, policy("HookFailed")), hookJob(ns, "test", "", works, "helm.sh/hook: test")}
	objects[5] = strings.Replace(objects[5], `argocd.argoproj.io/hook: "", `, "", 1)
	hub.Apply(t, hub.App(t, "shop", append(objects, configMap(ns, "a", "1"))...))
	gone(t, cp, jobRef(ns, "gone"))
	gone(t, cp, testenv.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: ns, Name: "migrator"})
	still(t, cp, jobRef(ns, "failed-only"))
	for _, name := range []string{"skipped", "test"} {
		if _, err := cp.Kube().Get(t.Context(), jobRef(ns, name)); !testenv.IsNotFound(err) {
			t.Errorf("%s was applied: %v", name, err)
		}
	}
	b := hub.Bundle(hub.App(t, "shop", append(objects, configMap(ns, "a", "2"))...))
	hub.Publish(t, b)
	r := hub.Report(t, "the hook in the way", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	if got := agenttest.AppOf(r, "shop").Message; !strings.Contains(got, "failed-only failed: it could not be made: the one of an earlier run is still there") {
		t.Errorf("the app says %q", got)
	}
	hub.Apply(t, hub.App(t, "shop", generated, configMap(ns, "a", "3")))
	jobs, err := cp.Kube().List(t.Context(), "batch/v1", "Job", ns, url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, j := range jobs {
		if strings.HasPrefix(j.Ref().Name, "made-") {
			made++
		}
	}
	if made != 2 {
		t.Errorf("there are %d Jobs of the hook with generateName, want one for each delivery", made)
	}
}

// Helm knows installs and upgrades, and so do its hooks here.
func TestHelmHooksKnowInstallsFromUpgrades(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	hook := func(name, event string) string {
		return strings.Replace(hookJob(ns, name, "", works), `argocd.argoproj.io/hook: ""`, `helm.sh/hook: `+event, 1)
	}
	objects := []string{hook("install", "post-install"), hook("upgrade", "pre-upgrade")}
	hub.Apply(t, hub.App(t, "shop", append(objects, configMap(ns, "a", "1"))...))
	if i, u := starts(hub, "install"), starts(hub, "upgrade"); i != 1 || u != 0 {
		t.Errorf("the install did %d and %d hooks, want 1 and 0", i, u)
	}
	hub.Apply(t, hub.App(t, "shop", append(objects, configMap(ns, "a", "2"))...))
	if i, u := starts(hub, "install"), starts(hub, "upgrade"); i != 1 || u != 1 {
		t.Errorf("with the upgrade there were %d and %d hooks, want 1 and 1", i, u)
	}
}

// A definition takes all its objects with it, so one that is a hook is changed where it is.
func TestDefinitionsThatAreHooksAreNeverDeleted(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	definition := strings.Replace(fmt.Sprintf(definitionOf, ns, "things", "thing", "Cluster"), "metadata: {",
		"metadata: {annotations: {helm.sh/hook: \"pre-install,pre-upgrade\", helm.sh/hook-delete-policy: \"before-hook-creation,hook-succeeded\"}, ", 1)
	thing := fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"x"}}`, ns)
	ref := testenv.Ref{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: "things." + ns + ".example.com"}
	hub.Apply(t, hub.App(t, "shop", definition, thing, configMap(ns, "a", "1")))
	uid := still(t, cp, ref).Text("metadata", "uid")
	hub.Apply(t, hub.App(t, "shop", definition, thing, configMap(ns, "a", "2")))
	if got := still(t, cp, ref).Text("metadata", "uid"); got != uid {
		t.Error("the definition was recreated")
	}
}
