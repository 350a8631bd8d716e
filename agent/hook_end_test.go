package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// What goes wrong with a hook has an end, with its name.
func TestHooksEndWithACause(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		job     func(ns string) string
		timeout int
		meddle  func(t *testing.T, cp *testenv.ControlPlane, ns string) // when it runs; nil for nothing
		want    string
	}{
		{name: "it hangs", job: func(ns string) string { return hookJob(ns, "migrate", "PreSync", hangs) }, timeout: 10,
			want: "has not ended after 10s: it runs"},
		{name: "its image cannot be pulled", job: func(ns string) string {
			return strings.Replace(hookJob(ns, "migrate", "PreSync", works), "example.com/job:1", "example.invalid/job:1", 1)
		}, timeout: 10, want: "waits: ErrImagePull: no such host: example.invalid"},
		{name: "somebody deletes it", job: func(ns string) string { return hookJob(ns, "migrate", "PreSync", hangs) },
			meddle: func(t *testing.T, cp *testenv.ControlPlane, ns string) { mustDelete(t, cp, jobRef(ns, "migrate")) },
			want:   "was deleted before it ended"},
		{name: "somebody deletes it for good", job: func(ns string) string { return hookJob(ns, "migrate", "PreSync", hangs) },
			meddle: func(t *testing.T, cp *testenv.ControlPlane, ns string) {
				mustPatch(t, cp, jobRef(ns, "migrate"), `{"metadata":{"finalizers":null}}`)
				mustDelete(t, cp, jobRef(ns, "migrate"))
			}, want: "nobody saw how it ended"},
		{name: "its namespace goes", job: func(ns string) string { return hookJob(ns+"-jobs", "migrate", "PreSync", hangs) },
			meddle: func(t *testing.T, cp *testenv.ControlPlane, ns string) {
				mustDelete(t, cp, testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: ns + "-jobs"})
			}, want: "its namespace is being deleted"},
		{name: "its namespace is not there", job: func(ns string) string { return hookJob(ns+"-absent", "migrate", "PreSync", works) }, timeout: 2,
			want: `could not be made: its namespace "` + "%s-absent" + `" is not there`},
		{name: "it is not valid", job: func(ns string) string {
			return strings.Replace(hookJob(ns, "migrate", "PreSync", works), "restartPolicy: Never", "restartPolicy: Sometimes", 1)
		}, want: "could not be made: it is not valid: correct it in Git"},
		{name: "one of that name is no hook", job: func(ns string) string { return hookJob(ns, "taken", "PreSync", works) },
			want: "could not be made: there is one of this name already, and it is no hook"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			taken := strings.Replace(hookJob(ns, "taken", "", hangs), "argocd.argoproj.io/hook", "example.com/plain", 1)
			for _, manifest := range []string{taken, fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s-jobs"}}`, ns)} {
				if _, err := cp.Kube().Apply(t.Context(), "test", manifest); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() {
				// It may be gone by then.
				_ = cp.Kube().Delete(context.WithoutCancel(t.Context()), testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: ns + "-jobs"})
			})
			app := hub.App(t, "shop", c.job(ns), configMap(ns, "settings", "1"))
			app.Timeout = c.timeout
			hub.Publish(t, hub.Bundle(app))
			if c.meddle != nil {
				hub.Event(t, "the hook begun", func(e protocol.Event) bool {
					return e.Kind == protocol.EventHook && strings.Contains(e.Message, "begun")
				})
				c.meddle(t, cp, ns)
			}
			r := hub.Report(t, "the app failed", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
			want := strings.ReplaceAll(c.want, "%s", ns)
			if got := agenttest.AppOf(r, "shop").Message; !strings.Contains(got, want) || !strings.Contains(got, "nothing of the app was applied") {
				t.Errorf("the app says %q, want %q in it", got, want)
			}
			hub.Event(t, "the failure", func(e protocol.Event) bool {
				return e.Kind == protocol.EventHookFailed && strings.Contains(e.Message, want)
			})
			if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "settings")); !testenv.IsNotFound(err) {
				t.Errorf("the app was applied all the same: %v", err)
			}
			hub.Apply(t, hub.App(t, "shop", hookJob(ns, "migrate", "PreSync", works), configMap(ns, "settings", "2"))) // and another revision goes on
		})
	}
}

// A Job that is taken away by its time to live has succeeded all the same.
func TestHookThatIsGoneByItselfHasSucceeded(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "shop", brief(hookJob(ns, "migrate", "PreSync", works)), configMap(ns, "settings", "1")))
	gone(t, cp, jobRef(ns, "migrate"))
}

func TestHookThatTheAgentMayNotMakeFails(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	in := testenv.NamespaceT(t, cp)
	permit(t, cp, home, home, homeRole)
	permit(t, cp, in, home, `
- {apiGroups: [""], resources: ["*"], verbs: [get, list, watch, create, patch, delete]}`)
	client, _ := scopedClient(t, cp, home)
	agenttest.StartScoped(t, client, home, hub, in)
	app := hub.App(t, "shop", hookJob(in, "migrate", "PreSync", works), configMap(in, "a", "1"))
	app.Timeout = 2
	hub.Publish(t, hub.Bundle(app))
	r := hub.Report(t, "the refusal", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	if got := agenttest.AppOf(r, "shop").Message; !strings.Contains(got, "could not be made: ") || !strings.Contains(got, "may not") && !strings.Contains(got, "no role") {
		t.Errorf("the app says %q", got)
	}
	permit(t, cp, in, home, scopeRole)
	hub.Apply(t, hub.App(t, "shop", hookJob(in, "migrate", "PreSync", works), configMap(in, "a", "2")))
}
