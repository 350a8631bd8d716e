package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// autoscaler is one for a Deployment.
func autoscaler(ns, target string) string {
	return fmt.Sprintf(`{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"scaler","namespace":%q},
		"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":%q},"minReplicas":1,"maxReplicas":9}}`, ns, target)
}

// An autoscaler that Git knows nothing of: what it sets is left, and is Git's again when it goes.
func TestReplicasUnderAnAutoscalerAreLeftAlone(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	replicas := func(what string, want int, image string) {
		t.Helper()
		if err := cp.Kube().Wait(t.Context(), deploymentRef(ns, "web"), what, func(o testenv.Object) bool {
			return o != nil && o.Number("spec", "replicas") == want && o.Items("spec", "template", "spec", "containers")[0].Text("image") == "example.com/app:"+image
		}); err != nil {
			t.Fatal(err)
		}
	}
	ref := testenv.Ref{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Namespace: ns, Name: "scaler"}
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 2, "1")))
	mustCreate(t, cp, "somebody", autoscaler(ns, "web"))
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 2, "2"))) // owned until now, and not removed
	replicas("as it was", 2, "2")
	scale(t, cp, ns, 5)
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 3, "3")))
	replicas("left to the autoscaler", 5, "3")
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 3, "4")))
	replicas("left after a restart", 5, "4")
	if n := len(hub.Events(protocol.EventDrift)); n > 0 {
		t.Errorf("%d drifts: %+v", n, hub.Events(protocol.EventDrift))
	}
	mustDelete(t, cp, ref)
	replicas("Git's again", 3, "4")

	mustCreate(t, cp, "somebody", autoscaler(ns, "web"))
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 3, "5")))
	scale(t, cp, ns, 6)
	mustPatch(t, cp, ref, `{"spec":{"scaleTargetRef":{"name":"other"}}}`)
	replicas("Git's again when the autoscaler turns to another", 3, "5")
}

// It goes while no agent runs.
func TestReplicasAreGitsAgainWhenTheAutoscalerWentUnseen(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	mustCreate(t, cp, "somebody", autoscaler(ns, "web"))
	mustCreate(t, cp, "somebody", workload(ns, 6, "1")) // and here it was first
	running := agenttest.Start(t, cp, ns, hub)
	deliverApp(t, hub, hub.App(t, "web", workload(ns, 2, "1")))
	if got := still(t, cp, deploymentRef(ns, "web")).Number("spec", "replicas"); got != 6 {
		t.Fatalf("there are %d replicas, want those of the autoscaler", got)
	}
	running.Stop(t)
	mustDelete(t, cp, testenv.Ref{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Namespace: ns, Name: "scaler"})
	agenttest.Start(t, cp, ns, hub)
	if err := cp.Kube().Wait(t.Context(), deploymentRef(ns, "web"), "Git's replicas", func(o testenv.Object) bool { return o.Number("spec", "replicas") == 2 }); err != nil {
		t.Error(err)
	}
}

// scale sets replicas as the controller of autoscalers does.
func scale(t *testing.T, cp *testenv.ControlPlane, ns string, replicas int) {
	t.Helper()
	if _, err := cp.Kube().Patch(t.Context(), "kube-controller-manager", deploymentRef(ns, "web"), fmt.Sprintf(`{"spec":{"replicas":%d}}`, replicas)); err != nil {
		t.Fatal(err)
	}
}
