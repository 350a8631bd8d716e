package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// suspendedJob runs nothing before a person says so.
func suspendedJob(ns, name, annotations string) string {
	return fmt.Sprintf(`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":%q,"namespace":%q,"annotations":{%s}},"spec":{"suspend":true,
		"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"busybox:1.36"}]}}}}`, name, ns, annotations)
}

// TestTimeDoesNotDegradeWhatIsPaused: applied as it is, in a wave, and as a hook. An app beside them with a longer timeout tells when
// theirs is over.
func TestTimeDoesNotDegradeWhatIsPaused(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, ns, hub)
	apps := []protocol.App{
		hub.App(t, "plain", suspendedJob(ns, "plain", "")),
		hub.App(t, "waves", suspendedJob(ns, "first", ""), inWave(1, configMap(ns, "second", "1"))),
		hub.App(t, "hooks", suspendedJob(ns, "hook", `"argocd.argoproj.io/hook":"PostSync"`), configMap(ns, "hooked", "1")),
		hub.App(t, "other", claim(ns, "other")),
	}
	for i := range apps {
		apps[i].Timeout = 10 // a busy machine takes seconds to show that a hook is suspended
	}
	apps[3].Timeout = 20
	hub.Publish(t, hub.Bundle(apps...))
	paused := func(r protocol.Report) bool {
		for _, name := range []string{"plain", "waves", "hooks"} {
			a := agenttest.AppOf(r, name)
			if a.Phase != protocol.PhaseWaiting || a.Reason != protocol.ReasonPaused || a.Health != protocol.HealthPaused ||
				!strings.Contains(a.Message, "it waits for a person or a queue") {
				return false
			}
		}
		return true
	}
	hub.Report(t, "three apps are paused", paused)
	r := hub.Report(t, "the other app is late", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "other")
		return a.Phase == protocol.PhaseDegraded && a.Reason == protocol.ReasonTimeout
	})
	if !paused(r) {
		t.Errorf("after the timeout the apps are %+v", r.Apps)
	}
	if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "second")); !testenv.IsNotFound(err) {
		t.Errorf("the second wave was applied while the first was paused: %v", err)
	}
}
