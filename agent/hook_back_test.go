package agent_test

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
)

// rollbackJob is a Job that is a hook on the way back.
func rollbackJob(ns, name, phases string) string {
	return strings.Replace(hookJob(ns, name, phases, works), "argocd.argoproj.io/hook", "drover.dev/hook", 1)
}

// On the way back from content that was taken back the migration of the older revision is not done again; what is for a
// rollback is. An agent that never had what was taken back goes there as to any revision.
func TestHooksOfARollback(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	revision := func(value string) protocol.App {
		return hub.App(t, "shop", hookJob(ns, "migrate", "PreSync", works), hookJob(ns, "warm", "PostSync", works),
			hookJob(ns, "undo", "PreSync,PreRollback", works), rollbackJob(ns, "restore", "PreRollback"),
			rollbackJob(ns, "tell", "PostRollback"), configMap(ns, "settings", value))
	}
	counts := func(migrate, restore int) {
		t.Helper()
		for name, want := range map[string]int{"migrate": migrate, "warm": migrate, "undo": migrate + restore,
			"restore": restore, "tell": restore} {
			if n := starts(hub, name); n != want {
				t.Errorf("the hook %s was begun %d times, want %d", name, n, want)
			}
		}
	}
	hub.Apply(t, revision("1"))
	hub.Apply(t, revision("2"))
	counts(2, 0)
	back := revision("1")
	back.Rollback = []string{revision("2").Blob.Digest}
	back.Needs = back.Handling.Needs()
	r := hub.Apply(t, back)
	if got := still(t, cp, mapRef(ns, "settings")).Text("data", "key"); got != "1" {
		t.Errorf("the object is %q after the rollback", got)
	}
	if app := agenttest.AppOf(r, "shop"); app.Phase != protocol.PhaseHealthy {
		t.Errorf("the app is %+v", app)
	}
	counts(2, 1)

	// It says so as long as it is so, and a newer revision is one like all others.
	hub.Apply(t, back, hub.App(t, "other", configMap(ns, "other", "1")))
	counts(2, 1)
	hub.Apply(t, revision("3"), hub.App(t, "other", configMap(ns, "other", "1")))
	counts(3, 1)
	never := revision("4")
	never.Rollback, never.Needs = back.Rollback, back.Needs // which is long gone here
	hub.Apply(t, never)
	counts(4, 1)
}
