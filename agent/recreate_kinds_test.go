package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// fixed are objects of kinds with fields that cannot be changed, by the value of such a field.
var fixed = map[string]struct {
	ref   testenv.Ref
	field string
	text  func(value string) string
}{
	"Job": {testenv.Ref{APIVersion: "batch/v1", Kind: "Job"}, "spec.template", func(value string) string {
		env := make([]string, 200) // which the API server quotes whole, several times
		for i := range env {
			env[i] = fmt.Sprintf(`{name: V%d, value: "hunter2-%s-%[1]d"}`, i, value)
		}
		return `spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "example.com/c:1", command: ["true"], env: [` + strings.Join(env, ", ") + `]}]}}}`
	}},
	"Deployment": {testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment"}, "spec.selector", func(value string) string {
		return `spec: {selector: {matchLabels: {v: "` + value + `"}}, template: {metadata: {labels: {v: "` + value + `"}}, spec: {containers: [{name: c, image: "example.com/c:1"}]}}}`
	}},
	"StatefulSet": {testenv.Ref{APIVersion: "apps/v1", Kind: "StatefulSet"}, "spec.serviceName", func(value string) string {
		return `spec: {serviceName: "s` + value + `", selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: "example.com/c:1"}]}}}`
	}},
	"RoleBinding": {testenv.Ref{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding"}, "roleRef", func(value string) string {
		return `roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "` + map[string]string{"1": "view", "2": "edit"}[value] + `"}`
	}},
	"Secret": {testenv.Ref{APIVersion: "v1", Kind: "Secret"}, "type", func(value string) string {
		return `type: "example.com/hunter2-` + value + `"`
	}},
	"PersistentVolumeClaim": {testenv.Ref{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, "spec", func(value string) string {
		return `spec: {accessModes: [ReadWriteOnce], storageClassName: "c` + value + `", resources: {requests: {storage: 1Gi}}}`
	}},
}

// fixedObject is one of them with an annotation.
func fixedObject(kind, ns, value, mark string) string {
	k := fixed[kind]
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: x, namespace: %s, annotations: {%s}}\n%s\n", k.ref.APIVersion, kind, ns, mark, k.text(value))
}

func TestKindsWithFieldsThatCannotBeChanged(t *testing.T) {
	t.Parallel()
	for kind, k := range fixed {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			publish := func(value, mark string) protocol.Bundle {
				app := hub.App(t, "web", fixedObject(kind, ns, value, mark))
				b := hub.Bundle(app)
				hub.Publish(t, b)
				return b
			}
			applied := func(b protocol.Bundle) {
				t.Helper()
				hub.Report(t, "all applied", func(r protocol.Report) bool {
					a := agenttest.AppOf(r, "web")
					return r.Generation == b.Generation && a.Phase != protocol.PhaseFailed && a.Phase != protocol.PhaseApplying && a.Digest == b.Apps[0].Blob.Digest
				})
			}
			applied(publish("1", ""))
			ref := k.ref
			ref.Namespace, ref.Name = ns, "x"
			uid := still(t, cp, ref).Text("metadata", "uid")
			publish("2", "")
			got := refused(t, hub, "web").Message
			if want := k.field + " is immutable: annotate drover.dev/recreate: enabled"; !strings.Contains(got, want) || strings.Contains(got, "hunter2") || len(got) > 300 {
				t.Errorf("the app says %q, not %q", got, want)
			}
			if now := still(t, cp, ref); now.Text("metadata", "uid") != uid || now.Text("metadata", "deletionTimestamp") != "" {
				t.Error("it was deleted, which nobody asked for")
			}
			if kind == "PersistentVolumeClaim" {
				return // it goes with its finalizer, when its volume lets it
			}
			applied(publish("2", `drover.dev/recreate: "enabled"`))
			if still(t, cp, ref).Text("metadata", "uid") == uid {
				t.Error("it was not recreated")
			}
			e := hub.Event(t, "the recreation", func(e protocol.Event) bool { return e.Kind == protocol.EventRecreated })
			if strings.Contains(e.Message, "hunter2") {
				t.Errorf("the event says %q", e.Message)
			}
		})
	}
}

// The app's switch recreates a StatefulSet, unless its data would go with it.
func TestStatefulSetIsRecreatedByTheSwitchUnlessItTakesItsClaims(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"Retain", "Delete"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			app := func(value string) protocol.App {
				text := strings.Replace(fixedObject("StatefulSet", ns, value, ""), "spec: {serviceName",
					"spec: {persistentVolumeClaimRetentionPolicy: {whenDeleted: "+policy+"}, serviceName", 1)
				a := hub.App(t, "web", text)
				a.Recreate = true
				return a
			}
			hub.Apply(t, app("1"))
			ref := testenv.Ref{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: ns, Name: "x"}
			uid := still(t, cp, ref).Text("metadata", "uid")
			if policy == "Retain" {
				hub.Apply(t, app("2"))
			} else {
				hub.Publish(t, hub.Bundle(app("2")))
				refused(t, hub, "web")
			}
			if same := still(t, cp, ref).Text("metadata", "uid") == uid; same != (policy == "Delete") {
				t.Errorf("it is the same: %t", same)
			}
		})
	}
}

// The annotations of Argo CD and Flux do it as well, on a Job.
func TestJobsAreRecreatedWhereGitAsks(t *testing.T) {
	t.Parallel()
	for name, mark := range map[string]string{
		"drover": `drover.dev/recreate: "true"`, "argo": `argocd.argoproj.io/sync-options: "Force=true,Replace=true"`, "flux": "kustomize.toolkit.fluxcd.io/force: enabled",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			hub.Apply(t, hub.App(t, "web", fixedObject("Job", ns, "1", mark)))
			hub.Apply(t, hub.App(t, "web", fixedObject("Job", ns, "2", mark)))
			env := still(t, cp, jobRef(ns, "x")).Items("spec", "template", "spec", "containers")[0].Items("env")
			if env[0].Text("value") != "hunter2-2-0" {
				t.Errorf("the Job has %s", env[0])
			}
		})
	}
}

// refused waits until an app has failed in the last bundle.
func refused(t *testing.T, hub *agenttest.Hub, app string) protocol.AppReport {
	t.Helper()
	return agenttest.AppOf(hub.Report(t, app+" refused", func(r protocol.Report) bool {
		return r.Generation == hub.Generation && agenttest.PhaseOf(r, app) == protocol.PhaseFailed
	}), app)
}
