package agent_test

import (
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/test/testenv"
)

func TestAppliesWhatTheBundleSays(t *testing.T) {
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	agenttest.Start(t, cp, ns, hub)
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "settings", "1"), deployment(ns, "web", 2)))
	if app := agenttest.AppOf(r, "web"); app.Objects != 2 || app.Current != 2 {
		t.Errorf("report has %d of %d objects current, want 2 of 2", app.Current, app.Objects)
	}
	live, err := cp.Kube().Get(t.Context(), mapRef(ns, "settings"))
	if err != nil || live.Text("data", "key") != "1" || live.Text("metadata", "labels", "drover.dev/app") != "web" {
		t.Errorf("the ConfigMap is %s (%v)", live, err)
	}
}
