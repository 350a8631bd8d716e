package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func secretRef(ns, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: name}
}

// Whatever happens to the state, nothing is deleted for it, and the next bundle makes it good.
func TestDamagedStateDeletesNothing(t *testing.T) {
	t.Parallel()
	damages := map[string]func(t *testing.T, cp *testenv.ControlPlane, ns string){
		"app altered": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			mustPatch(t, cp, secretRef(ns, "drover-app-web"), `{"data":{"state":"RFJWQTEAAA=="}}`)
		},
		"app gone": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			mustDelete(t, cp, secretRef(ns, "drover-app-web"))
		},
		"bundle altered": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			mustPatch(t, cp, secretRef(ns, "drover-state"), `{"data":{"state":"AAAA"}}`)
		},
		"bundle gone": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			mustDelete(t, cp, secretRef(ns, "drover-state"))
		},
		"everything gone": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			mustDelete(t, cp, secretRef(ns, "drover-state"))
			mustDelete(t, cp, secretRef(ns, "drover-app-web"))
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, running := scene(t)
			hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", "1")))
			running.Stop(t)
			damage(t, cp, ns)
			b := hub.Bundle(hub.App(t, "web", configMap(ns, "a", "2")))
			hub.Publish(t, b)
			agenttest.Start(t, cp, ns, hub)
			hub.Healthy(t, b)
			if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "2" {
				t.Errorf("a is %q after the next bundle", got)
			}
			if name == "everything gone" {
				still(t, cp, mapRef(ns, "b")) // of which nobody knows any more
			}
			hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "3"), configMap(ns, "b", "3")))
			hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "4")))
			gone(t, cp, mapRef(ns, "b"))
		})
	}
}

func mustPatch(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref, text string) {
	t.Helper()
	if err := patch(text)(t.Context(), cp.Kube(), ref); err != nil {
		t.Fatal(err)
	}
}

func mustDelete(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref) {
	t.Helper()
	if err := cp.Kube().Delete(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
}

// An app whose state needs several Secrets, beside one whose name looks like a part of it.
func TestLargeStateIsCut(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	big := func(value string) []string {
		var objects []string
		for i := range 6 {
			objects = append(objects, fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big-%d","namespace":%q},"data":{"key":%q,"noise":%q}}`, i, ns, value, noise(t, 400<<10)))
		}
		return objects
	}
	b := hub.Bundle(hub.App(t, "big", big("1")...), hub.App(t, "big-1", configMap(ns, "small", "1")))
	hub.Publish(t, b)
	hub.Healthy(t, b)
	running.Stop(t)
	if n := len(stateSecrets(t, cp, ns)); n < 5 {
		t.Errorf("%d Secrets hold the state, want it to be cut in more", n)
	}
	running = agenttest.Start(t, cp, ns, hub)
	r := hub.Report(t, "the second agent healthy", func(r protocol.Report) bool {
		return running.Says(r) && agenttest.PhaseOf(r, "big") == protocol.PhaseHealthy && agenttest.PhaseOf(r, "big-1") == protocol.PhaseHealthy
	})
	if r.Message != "" {
		t.Errorf("the report says %q", r.Message)
	}
	hub.Apply(t, hub.App(t, "big", configMap(ns, "big-0", "2")), hub.App(t, "big-1", configMap(ns, "small", "1")))
	gone(t, cp, mapRef(ns, "big-5"))
	running.Stop(t)
	if list := stateSecrets(t, cp, ns); len(list) != 3 {
		t.Errorf("parts were left behind: %v", list)
	}
}
