package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// TestWhatAnotherToolAppliedChangesHandsAsItIs: an object that Flux applied is taken over without being recreated or changed in what
// counts, and given back likewise: the way of docs/from-flux.md.
func TestWhatAnotherToolAppliedChangesHandsAsItIs(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	const spec = `"replicas":0,"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web:1"}]}}`
	deployment := func(labels string) string {
		return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":%q,"labels":{%s}},"spec":{%s}}`, ns, labels, spec)
	}
	ours := deployment(`"app":"web"`)
	theirs := deployment(`"app":"web","kustomize.toolkit.fluxcd.io/name":"web","kustomize.toolkit.fluxcd.io/namespace":"flux-system"`)
	ref := testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: "web"}
	apply := func() testenv.Object {
		t.Helper()
		if _, err := cp.Kube().Apply(t.Context(), "kustomize-controller", theirs); err != nil {
			t.Fatal(err)
		}
		return still(t, cp, ref)
	}
	same := func(when string, before testenv.Object) {
		t.Helper()
		now := still(t, cp, ref)
		if a, b := before.Text("metadata", "uid"), now.Text("metadata", "uid"); a != b || a == "" {
			t.Errorf("%s: it was recreated: its uid was %q and is %q", when, a, b)
		}
		if a, b := before.Number("metadata", "generation"), now.Number("metadata", "generation"); a != b || a == 0 {
			t.Errorf("%s: its spec was changed: its generation was %d and is %d", when, a, b)
		}
		if now.Text("metadata", "labels", "kustomize.toolkit.fluxcd.io/name") != "web" {
			t.Errorf("%s: the other tool's labels are gone", when)
		}
	}
	before := apply()
	agent := agenttest.Start(t, cp, ns, hub)
	report := hub.Apply(t, hub.App(t, "web", ours))
	same("taken over", before)
	if a := agenttest.AppOf(report, "web"); a.Phase == protocol.PhaseFailed {
		t.Errorf("the app failed: %s", a.Message)
	}
	apply() // beside Drover, as while both are there
	same("with both", before)
	agent.Stop(t)
	apply()
	same("given back", before)
}
