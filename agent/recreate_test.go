package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// immutable is a ConfigMap that nobody can change.
func immutable(ns, name, value string, annotations ...string) string {
	marks := ""
	for i := 0; i+1 < len(annotations); i += 2 {
		marks += fmt.Sprintf(",%q:%q", annotations[i], annotations[i+1])
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":%q,"annotations":{"a":"b"%s}},"immutable":true,"data":{"key":%q}}`, name, ns, marks, value)
}

func TestImmutableFieldFailsAndSaysTheWayOut(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	role := func(name string) string {
		return fmt.Sprintf(`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"r","namespace":%q},
			"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":%q}}`, ns, name)
	}
	hub.Apply(t, hub.App(t, "web", immutable(ns, "a", "1"), deployment(ns, "web", 1), role("view")))
	uid := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid")
	other := strings.ReplaceAll(deployment(ns, "web", 1), "app: web", "app: other")
	hub.Publish(t, hub.Bundle(hub.App(t, "web", immutable(ns, "a", "2"), other, role("edit"))))
	r := hub.Report(t, "three failures", func(r protocol.Report) bool {
		return agenttest.PhaseOf(r, "web") == protocol.PhaseFailed && len(agenttest.AppOf(r, "web").Problems) == 3
	})
	want := map[string]string{"ConfigMap": "data is immutable", "Deployment": "spec.selector is immutable", "RoleBinding": "roleRef is immutable"}
	for _, p := range agenttest.AppOf(r, "web").Problems {
		if !strings.Contains(p.Message, want[p.Object.Kind]) || !strings.Contains(p.Message, `drover.dev/recreate: enabled`) {
			t.Errorf("%s: %q does not say %q and the way out", p.Object, p.Message, want[p.Object.Kind])
		}
	}
	if got := still(t, cp, mapRef(ns, "a")); got.Text("metadata", "uid") != uid || got.Text("data", "key") != "1" {
		t.Errorf("a was touched: %s", got)
	}
}

func TestRecreatesWhereGitAsks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		marks []string
		all   bool // the app's own switch
	}{
		{"drover", []string{"drover.dev/recreate", "true"}, false},
		{"flux", []string{"kustomize.toolkit.fluxcd.io/force", "enabled"}, false},
		{"argo", []string{"argocd.argoproj.io/sync-options", "Force=true,Replace=true"}, false},
		{"app", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			app := func(value string) protocol.App {
				a := hub.App(t, "web", immutable(ns, "a", value, c.marks...), configMap(ns, "b", value))
				a.Recreate = c.all
				return a
			}
			hub.Apply(t, app("1"))
			uid, other := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid"), still(t, cp, mapRef(ns, "b")).Text("metadata", "uid")
			hub.Apply(t, app("2"))
			if got := still(t, cp, mapRef(ns, "a")); got.Text("metadata", "uid") == uid || got.Text("data", "key") != "2" {
				t.Errorf("a was not recreated: %s", got)
			}
			if got := still(t, cp, mapRef(ns, "b")).Text("metadata", "uid"); got != other {
				t.Error("b was recreated, which nothing asked for")
			}
			e := hub.Event(t, "the recreation", func(e protocol.Event) bool { return e.Kind == protocol.EventRecreated })
			if e.Object == nil || e.Object.Name != "a" || !strings.Contains(e.Message, "immutable") {
				t.Errorf("the event is %+v", e)
			}
			if n := len(hub.Events(protocol.EventDrift)); n > 0 {
				t.Errorf("%d drifts were told of what the agent did itself", n)
			}
		})
	}
}

// An object with finalizers goes later; the one that follows it comes when it has gone, also if another agent leads by then.
func TestRecreatedAfterItsFinalizers(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	mark := []string{"drover.dev/recreate", "true"}
	hub.Apply(t, hub.App(t, "web", immutable(ns, "a", "1", mark...)))
	mustPatch(t, cp, mapRef(ns, "a"), `{"metadata":{"finalizers":["example.com/hold"]}}`)
	b := hub.Bundle(hub.App(t, "web", immutable(ns, "a", "2", mark...)))
	hub.Publish(t, b)
	hub.Report(t, "it waiting", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "web").Message, "recreated when its finalizers are removed")
	})
	running.Stop(t)
	next := agenttest.Start(t, cp, ns, hub)
	hub.Report(t, "it waiting still", func(r protocol.Report) bool {
		return next.Says(r) && strings.Contains(agenttest.AppOf(r, "web").Message, "recreated when its finalizers are removed")
	})
	mustPatch(t, cp, mapRef(ns, "a"), `{"metadata":{"finalizers":null}}`)
	hub.Healthy(t, b)
	if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "2" {
		t.Errorf("a is %q", got)
	}
}

// What could not be created is not deleted, and what takes more with it than itself not because of a switch for all.
func TestNothingIsDeletedThatCannotComeBack(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	claim := func(size, class string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data","namespace":%q},
			"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":%q,"resources":{"requests":{"storage":%q}}}}`, ns, class, size)
	}
	app := func(value, class string, more ...string) protocol.App {
		a := hub.App(t, "web", append(more, immutable(ns, "a", value), claim("1Gi", class))...)
		a.Recreate, a.Timeout = true, 1
		return a
	}
	hub.Publish(t, hub.Bundle(app("1", "one")))
	hub.Report(t, "all there", func(r protocol.Report) bool { return agenttest.AppOf(r, "web").Current == 1 })
	policy := fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s-frozen}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE]}]
  validations: [{expression: "!has(object.immutable)", message: "nothing immutable here"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s-frozen}
spec: {policyName: %[1]s-frozen, validationActions: [Deny]}
`, ns)
	if _, err := cp.Kube().Apply(t.Context(), "test", policy); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} {
		deleteAfter(t, cp, testenv.Ref{APIVersion: "admissionregistration.k8s.io/v1", Kind: kind, Name: ns + "-frozen"})
	}
	awaitRefusal(t, cp, immutable(ns, "probe", "1"))
	uid := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid")
	hub.Publish(t, hub.Bundle(app("2", "two")))
	r := hub.Report(t, "both failed", func(r protocol.Report) bool {
		p := agenttest.AppOf(r, "web").Problems
		return agenttest.PhaseOf(r, "web") == protocol.PhaseFailed && len(p) == 2 && strings.Contains(p[0].Message+p[1].Message, "is immutable")
	})
	for _, p := range agenttest.AppOf(r, "web").Problems {
		want := map[string]string{"ConfigMap": "is immutable, and it was not deleted to be recreated", "PersistentVolumeClaim": "which deletes its data"}[p.Object.Kind]
		if !strings.Contains(p.Message, want) {
			t.Errorf("%s: %q does not say %q", p.Object, p.Message, want)
		}
	}
	if got := still(t, cp, mapRef(ns, "a")).Text("metadata", "uid"); got != uid {
		t.Error("a was deleted")
	}
	if n := len(hub.Events(protocol.EventRecreated)); n > 0 {
		t.Errorf("%d objects were recreated", n)
	}
}

// awaitRefusal waits until the API server refuses to create an object: a policy is not in force the moment it is there.
func awaitRefusal(t *testing.T, cp *testenv.ControlPlane, text string) {
	t.Helper()
	list, err := testenv.Objects(text)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a refusal", func() bool {
		_, err := cp.Kube().Create(t.Context(), "test", list[0])
		if err == nil {
			err = cp.Kube().Delete(t.Context(), list[0].Ref())
			return err != nil
		}
		return true
	})
}
