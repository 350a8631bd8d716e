package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func jobRef(ns, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "batch/v1", Kind: "Job", Namespace: ns, Name: name}
}

// The nodes of the control plane make a Job end well if its command is works, badly if it is fails; one that hangs fits on no node.
const (
	works = "true"
	fails = "false"
	hangs = "sleep"
)

// hookJob is a Job that is a hook for phases, as "PreSync"; more are annotations as YAML.
func hookJob(ns, name, phases, command string, more ...string) string {
	selector := ""
	if command == hangs {
		selector = "nodeSelector: {kubernetes.io/hostname: nowhere}, "
	}
	return fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata:
  name: %s
  namespace: %s
  annotations: {argocd.argoproj.io/hook: "%s"%s}
spec:
  backoffLimit: 0
  template:
    spec: {restartPolicy: Never, %scontainers: [{name: main, image: example.com/job:1, command: ["%s"]}]}
`, name, ns, phases, strings.Join(append([]string{""}, more...), ", "), selector, command)
}

// starts counts how often hooks of a name were begun.
func starts(hub *agenttest.Hub, name string) (n int) {
	for _, e := range hub.Events(protocol.EventHook) {
		if e.Object.Name == name && strings.Contains(e.Message, "begun") {
			n++
		}
	}
	return n
}

func TestPreSyncHookComesBeforeEverything(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "shop", configMap(ns, "settings", "1")))
	hub.Publish(t, hub.Bundle(hub.App(t, "shop", hookJob(ns, "migrate", "PreSync", hangs), configMap(ns, "settings", "2"))))
	hub.Report(t, "the wait for the hook", func(r protocol.Report) bool {
		app := agenttest.AppOf(r, "shop")
		return app.Phase == protocol.PhaseApplying && strings.Contains(app.Message, "PreSync: Job/"+ns+"/migrate: ")
	})
	if got := still(t, cp, mapRef(ns, "settings")).Text("data", "key"); got != "1" {
		t.Errorf("the object was changed to %q before its PreSync hook succeeded", got)
	}
	r := hub.Apply(t, hub.App(t, "shop", hookJob(ns, "migrate", "PreSync", works), configMap(ns, "settings", "3"))) // which cancels the one that hangs
	if got := still(t, cp, mapRef(ns, "settings")).Text("data", "key"); got != "3" {
		t.Errorf("the object is %q after its PreSync hook succeeded", got)
	}
	if app := agenttest.AppOf(r, "shop"); app.Objects != 1 {
		t.Errorf("the report counts %d objects, want 1: a hook is none", app.Objects)
	}
	job := still(t, cp, jobRef(ns, "migrate"))
	if !job.Condition("Complete") || job.Text("metadata", "annotations", "drover.dev/hook-run") == "" {
		t.Errorf("the hook is %s", job)
	}
	if err := cp.Kube().Wait(t.Context(), jobRef(ns, "migrate"), "let go", func(o testenv.Object) bool {
		return o.Field("metadata", "finalizers") == nil
	}); err != nil {
		t.Error(err)
	}
	if n := starts(hub, "migrate"); n != 2 {
		t.Errorf("the hook was begun %d times, want 2: once for each revision", n)
	}
}

func TestFailedPreSyncHookLeavesTheOldVersion(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "shop", configMap(ns, "settings", "1"), configMap(ns, "old", "1")))
	b := hub.Bundle(hub.App(t, "shop", hookJob(ns, "migrate", "PreSync", fails), hookJob(ns, "alarm", "SyncFail", works), configMap(ns, "settings", "2")))
	hub.Publish(t, b)
	r := hub.Report(t, "the failed hook", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	if got := agenttest.AppOf(r, "shop").Message; !strings.Contains(got, "PreSync: Job/"+ns+"/migrate failed: ") || !strings.Contains(got, "keeping the last applied version") {
		t.Errorf("the app says %q", got)
	}
	if err := cp.Kube().Wait(t.Context(), jobRef(ns, "alarm"), "the SyncFail hook", func(o testenv.Object) bool { return o.Condition("Complete") }); err != nil {
		t.Error(err)
	}
	mustPatch(t, cp, mapRef(ns, "settings"), `{"data":{"key":"drift"}}`)
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "settings"), "as before", is("1", "data", "key")); err != nil {
		t.Error(err)
	}
	still(t, cp, mapRef(ns, "old"))
	if n := starts(hub, "migrate"); n != 1 {
		t.Errorf("the hook was begun %d times, want once", n)
	}
	hub.Apply(t, hub.App(t, "shop", configMap(ns, "settings", "3")))
	gone(t, cp, mapRef(ns, "old"))
}

// brief has a Job be deleted as soon as it has ended.
func brief(job string) string {
	return strings.Replace(job, "spec:\n", "spec:\n  ttlSecondsAfterFinished: 0\n", 1)
}
