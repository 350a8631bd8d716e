package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// numeric is a ConfigMap that the API server refuses: its value is a number.
func numeric(ns, name, value string) string {
	return strings.Replace(configMap(ns, name, "VALUE"), `"VALUE"`, value, 1)
}

// misspelled is a Deployment with a field that there is not.
func misspelled(ns, name string) string {
	return strings.Replace(deployment(ns, name, 2), "replicas:", "replcas:", 1)
}

func TestRevertHealsWhatTheAPIServerRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		good, bad func(ns string) string
		says      string
	}{
		{"number in a ConfigMap", func(ns string) string { return configMap(ns, "a", "1") }, func(ns string) string { return numeric(ns, "a", "1") },
			`data.key must be a string: quote it: key: "1"`},
		{"misspelled field", func(ns string) string { return deployment(ns, "web", 2) }, func(ns string) string { return misspelled(ns, "web") },
			"spec.replcas is not a field of Deployment"},
		{"immutable field", func(ns string) string { return immutable(ns, "a", "1") }, func(ns string) string { return immutable(ns, "a", "2") }, "data"},
		{"port out of range", func(ns string) string { return service(ns, "a", 80) }, func(ns string) string { return service(ns, "a", 99999) }, "spec.ports[0].port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			good := hub.App(t, "web", c.good(ns))
			after := func(value string) protocol.App {
				a := hub.App(t, "after", configMap(ns, "after", value))
				a.DependsOn = []string{"web"}
				return a
			}
			hub.Apply(t, good, after("1"))
			hub.Publish(t, hub.Bundle(hub.App(t, "web", c.bad(ns)), after("1")))
			if got := refused(t, hub, "web").Message; !strings.Contains(got, c.says) || !strings.HasSuffix(got, "; keeping the last applied version") {
				t.Errorf("web says %q, not %q", got, c.says)
			}
			r := hub.Apply(t, good, after("2"))
			if a := agenttest.AppOf(r, "web"); a.Message != "" || len(a.Problems) > 0 || a.Current != 1 {
				t.Errorf("after the revert the report has %+v", a)
			}
			if got := still(t, cp, mapRef(ns, "after")).Text("data", "key"); got != "2" {
				t.Errorf("what depends on it is %q", got)
			}
		})
	}
}

func service(ns, name string, port int) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":%q,"namespace":%q},"spec":{"ports":[{"port":%d}]}}`, name, ns, port)
}

func TestDriftIsHealedWhileANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	others := make([]string, 5)
	for i := range others {
		others[i] = configMap(ns, fmt.Sprintf("other-%d", i), "1")
	}
	app := func(a string) protocol.App { return hub.App(t, "web", append([]string{a}, others...)...) }
	hub.Apply(t, app(configMap(ns, "a", "1")))
	for _, bad := range []string{"2", "3"} { // the second one comes after content that was never applied
		hub.Publish(t, hub.Bundle(app(numeric(ns, "a", bad))))
		refused(t, hub, "web")
		heals(t, cp, ns, "1", bad)
	}
	running.Stop(t)
	mustPatch(t, cp, mapRef(ns, "a"), `{"data":{"key":"while nobody looked"}}`)
	running = agenttest.Start(t, cp, ns, hub)
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "healed after a restart", is("1", "data", "key")); err != nil {
		t.Fatal(err)
	}
	heals(t, cp, ns, "1", "again")
	running.Stop(t)
	mustDelete(t, cp, mapRef(ns, "a"))
	agenttest.Start(t, cp, ns, hub)
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "created again after a restart", is("1", "data", "key")); err != nil {
		t.Fatal(err)
	}
	hub.Apply(t, app(configMap(ns, "a", "4")))
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "4" {
		t.Errorf("a is %q", got)
	}
}

// heals edits and deletes a, and waits until both are undone.
func heals(t *testing.T, cp *testenv.ControlPlane, ns, want, edit string) {
	t.Helper()
	mustPatch(t, cp, mapRef(ns, "a"), fmt.Sprintf(`{"data":{"key":"edit %s"}}`, edit))
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "healed", is(want, "data", "key")); err != nil {
		t.Fatal(err)
	}
	uid := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid")
	mustDelete(t, cp, mapRef(ns, "a"))
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "created again", func(o testenv.Object) bool {
		return is(want, "data", "key")(o) && o.Text("metadata", "uid") != uid
	}); err != nil {
		t.Fatal(err)
	}
}

// What is stored of the last applied version holds no value of the cluster's: the line is made again.
func TestDriftOfASubstitutedObjectIsHealedWhileANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	mustCreate(t, cp, "test", strings.Replace(configMap(ns, "vars", "v1"), `"key"`, `"VALUE"`, 1))
	running := agenttest.Start(t, cp, ns, hub)
	app := func(a string) protocol.App {
		app := hub.App(t, "web", a)
		app.Substitute = &protocol.Substitution{From: []protocol.VarsRef{{Kind: "ConfigMap", Namespace: ns, Name: "vars"}}}
		return app
	}
	hub.Apply(t, app(configMap(ns, "a", "${VALUE}")))
	hub.Publish(t, hub.Bundle(app(numeric(ns, "a", "2"))))
	refused(t, hub, "web")
	heals(t, cp, ns, "v1", "2")
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	heals(t, cp, ns, "v1", "3")
}

func TestDriftIsHealedOfWhatWaitsForItsWave(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	later := func(value string) string {
		return strings.Replace(configMap(ns, "a", value), `"metadata":{`, `"metadata":{"annotations":{"argocd.argoproj.io/sync-wave":"1"},`, 1)
	}
	hub.Apply(t, hub.App(t, "web", configMap(ns, "first", "1"), later("1")))
	hub.Publish(t, hub.Bundle(hub.App(t, "web", numeric(ns, "first", "2"), later("2"))))
	refused(t, hub, "web")
	heals(t, cp, ns, "1", "1")
}

// A delete that failed is no trouble of an object that is wanted again.
func TestDeleteThatFailedIsForgottenWhenTheObjectIsBack(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1")))
	policy := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s-keep}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [DELETE]}]
  validations: [{expression: "false", message: "nothing goes"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s-keep}
spec: {policyName: %[1]s-keep, validationActions: [Deny]}
`, ns)
	if _, err := cp.Kube().Apply(t.Context(), "test", policy); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} {
		deleteAfter(t, cp, testenv.Ref{APIVersion: "admissionregistration.k8s.io/v1", Kind: kind, Name: ns + "-keep"})
	}
	mustCreate(t, cp, "test", configMap(ns, "probe", "1"))
	eventually(t, "a refusal", func() bool {
		err := cp.Kube().Delete(t.Context(), mapRef(ns, "probe"))
		if testenv.IsNotFound(err) {
			mustCreate(t, cp, "test", configMap(ns, "probe", "1"))
		}
		return err != nil && !testenv.IsNotFound(err)
	})
	hub.Publish(t, hub.Bundle(hub.App(t, "web", configMap(ns, "a", "1"))))
	refused(t, hub, "web")
	hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1")))
}

// What was wrong with a hook is not wrong with its next version, however soon that comes.
func TestHookThatWasRefusedIsTriedAgainInANewVersionAtOnce(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	bad := strings.Replace(hookJob(ns, "migrate", "Sync", works), "restartPolicy: Never", "restartPolicy: Sometimes", 1)
	for i := range 5 {
		hub.Publish(t, hub.Bundle(hub.App(t, "web", bad, configMap(ns, "a", fmt.Sprint(i)))))
		refused(t, hub, "web")
		hub.Apply(t, hub.App(t, "web", hookJob(ns, "migrate", "Sync", works), configMap(ns, "a", fmt.Sprint(i))))
	}
}
