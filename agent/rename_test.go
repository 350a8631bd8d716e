package agent_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// plex is an app as hubs of this release name it, and as those of c9a339c did.
var (
	plexID  = identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}
	plexKey = plexID.Key()
)

const plexOnce = "media-plex"

// keyed is an app with its key, of a hub that says what declares it.
func keyed(app protocol.App) protocol.App {
	app.Name, app.Declared, app.Formerly = plexKey, plexID.String(), []string{plexOnce, plexOnce + "-12345678"}
	return app
}

// once is the same of a hub that says nothing.
func once(app protocol.App) protocol.App {
	app.Name, app.Declared, app.Formerly = plexOnce, "", nil
	return app
}

// labelled waits until an object has the label of an app.
func labelled(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref, app string) {
	t.Helper()
	if err := cp.Kube().Wait(t.Context(), ref, "labelled "+app, is(app, "metadata", "labels", "drover.dev/app")); err != nil {
		t.Fatal(err)
	}
}

// stateOf waits until the agent's state of the app is under a name alone.
func stateOf(t *testing.T, cp *testenv.ControlPlane, ns, name, not string) {
	t.Helper()
	eventually(t, "the state is under "+name+" alone", func() bool {
		list := stateSecrets(t, cp, ns)
		return slices.Contains(list, "drover-app-"+name) && !slices.Contains(list, "drover-app-"+not)
	})
}

// untouched checks that a change of the name did nothing that a person would see.
func untouched(t *testing.T, hub *agenttest.Hub, hooks int) {
	t.Helper()
	if n := starts(hub, "bye"); n != 0 {
		t.Error("the hook of an app that leaves was run")
	}
	if n := starts(hub, "migrate"); n != hooks {
		t.Errorf("the hook ran %d times, not %d", n, hooks)
	}
	for _, e := range hub.Events(protocol.EventPruned, protocol.EventRecreated, protocol.EventDrift) {
		t.Errorf("%s: %s: %s", e.Kind, e.Object, e.Message)
	}
}

// An app that a bundle has under another name goes on: nothing is deleted, no hook runs, no pod is restarted. And the
// same on the way back.
func TestAnAppGoesOnUnderAnotherName(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	migrate, bye := hookJob(ns, "migrate", "PreSync", works), hookJob(ns, "bye", "PreDelete", works)
	app := hub.App(t, plexOnce, configMap(ns, "a", "1"), deployment(ns, "web", 1), job(ns, "batch", works), migrate, bye)
	other := hub.App(t, "other", configMap(ns, "o", "1"))
	other.DependsOn = []string{plexOnce}
	hub.Apply(t, app, other)
	before := map[testenv.Ref]testenv.Object{}
	refs := []testenv.Ref{mapRef(ns, "a"), deploymentRef(ns, "web"), jobRef(ns, "batch"), jobRef(ns, "migrate"), mapRef(ns, "o")}
	for _, ref := range refs {
		before[ref] = still(t, cp, ref)
	}
	check := func(name, not string, hooks int) {
		t.Helper()
		stateOf(t, cp, ns, name, not)
		labelled(t, cp, mapRef(ns, "a"), name)
		labelled(t, cp, deploymentRef(ns, "web"), name)
		for ref, was := range before {
			now := still(t, cp, ref)
			if now.Text("metadata", "uid") != was.Text("metadata", "uid") {
				t.Errorf("%s was recreated", ref)
			}
			if got, had := now.Number("metadata", "generation"), was.Number("metadata", "generation"); got != had {
				t.Errorf("%s has generation %d, and had %d", ref, got, had)
			}
		}
		untouched(t, hub, hooks)
	}
	other.DependsOn = []string{plexKey}
	r := hub.Apply(t, keyed(app), other)
	if got := agenttest.AppOf(r, plexKey); got.Declared != plexID.String() || !r.Agent.Renames {
		t.Errorf("the report says %+v of %+v", got, r.Agent)
	}
	check(plexKey, plexOnce, 1)

	// What is next is an ordinary delivery: the object of the hook's earlier run is its own.
	next := hub.App(t, plexOnce, configMap(ns, "a", "2"), deployment(ns, "web", 1), job(ns, "batch", works), migrate, bye)
	hub.Apply(t, keyed(next), other)
	delete(before, jobRef(ns, "migrate"))
	check(plexKey, plexOnce, 2)

	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	other.DependsOn = []string{plexOnce}
	hub.Apply(t, once(next), other)
	check(plexOnce, plexKey, 2)
	next = hub.App(t, plexOnce, configMap(ns, "a", "3"), deployment(ns, "web", 1), job(ns, "batch", works), migrate, bye)
	hub.Apply(t, once(next), other)
	check(plexOnce, plexKey, 3)
}

// In whatever phase an app is when its name changes, it goes on in that.
func TestAnAppGoesOnUnderAnotherNameInEveryPhase(t *testing.T) {
	t.Parallel()
	bye := func(ns string) string { return hookJob(ns, "bye", "PreDelete", works) }
	for name, run := range map[string]func(t *testing.T, cp *testenv.ControlPlane, ns string, hub *agenttest.Hub){
		"in a hook": func(t *testing.T, cp *testenv.ControlPlane, ns string, hub *agenttest.Hub) {
			hub.Apply(t, hub.App(t, plexOnce, configMap(ns, "a", "1"), bye(ns)))
			app := hub.App(t, plexOnce, configMap(ns, "a", "2"), hookJob(ns, "migrate", "PreSync", hangs), bye(ns))
			hub.Publish(t, hub.Bundle(app))
			eventually(t, "the hook is begun", func() bool { return starts(hub, "migrate") == 1 })
			uid := still(t, cp, jobRef(ns, "migrate")).Text("metadata", "uid")
			b := hub.Bundle(keyed(app))
			hub.Publish(t, b)
			stateOf(t, cp, ns, plexKey, plexOnce)
			hub.Report(t, "it waits for the hook", func(r protocol.Report) bool {
				return r.Generation == b.Generation && agenttest.AppOf(r, plexKey).Phase == protocol.PhaseApplying
			})
			if got := still(t, cp, jobRef(ns, "migrate")).Text("metadata", "uid"); got != uid {
				t.Error("the hook's Job was recreated")
			}
			if got := still(t, cp, mapRef(ns, "a")).Text("data", "key"); got != "1" {
				t.Errorf("a is %q before the hook has ended", got)
			}
			untouched(t, hub, 1)
		},
		"in a wave": func(t *testing.T, cp *testenv.ControlPlane, ns string, hub *agenttest.Hub) {
			first := `{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"first","namespace":"` + ns +
				`","annotations":{"argocd.argoproj.io/sync-wave":"-1"}},"spec":{"template":{"spec":{"restartPolicy":"Never",` +
				`"nodeSelector":{"kubernetes.io/hostname":"nowhere"},"containers":[{"name":"main","image":"example.com/job:1"}]}}}}`
			app := hub.App(t, plexOnce, first, configMap(ns, "second", "1"), bye(ns))
			hub.Publish(t, hub.Bundle(app))
			if err := cp.Kube().Wait(t.Context(), jobRef(ns, "first"), "there", testenv.Exists); err != nil {
				t.Fatal(err)
			}
			b := hub.Bundle(keyed(app))
			hub.Publish(t, b)
			stateOf(t, cp, ns, plexKey, plexOnce)
			hub.Report(t, "it waits for the wave", func(r protocol.Report) bool {
				return r.Generation == b.Generation && agenttest.AppOf(r, plexKey).Phase == protocol.PhaseApplying
			})
			if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "second")); !testenv.IsNotFound(err) {
				t.Errorf("the second wave was begun: %v", err)
			}
			untouched(t, hub, 0)
		},
		"suspended": func(t *testing.T, cp *testenv.ControlPlane, ns string, hub *agenttest.Hub) {
			app := hub.App(t, plexOnce, configMap(ns, "a", "1"), bye(ns))
			hub.Apply(t, app)
			app.Suspend = true
			hub.Publish(t, hub.Bundle(keyed(app)))
			stateOf(t, cp, ns, plexKey, plexOnce)
			if got := still(t, cp, mapRef(ns, "a")).Text("metadata", "labels", "drover.dev/app"); got != plexOnce {
				t.Errorf("the object of a suspended app has the label %s", got)
			}
			app.Suspend = false
			hub.Apply(t, keyed(app))
			labelled(t, cp, mapRef(ns, "a"), plexKey)
			untouched(t, hub, 0)
		},
		"in a prune": func(t *testing.T, cp *testenv.ControlPlane, ns string, hub *agenttest.Hub) {
			hub.Apply(t, hub.App(t, plexOnce, configMap(ns, "a", "1"), configMap(ns, "b", "1"), bye(ns)))
			mustPatch(t, cp, mapRef(ns, "b"), `{"metadata":{"finalizers":["test.drover.dev/wait"]}}`)
			app := hub.App(t, plexOnce, configMap(ns, "a", "1"), bye(ns))
			hub.Publish(t, hub.Bundle(app))
			if err := cp.Kube().Wait(t.Context(), mapRef(ns, "b"), "being deleted", func(o testenv.Object) bool {
				return o.Text("metadata", "deletionTimestamp") != ""
			}); err != nil {
				t.Fatal(err)
			}
			hub.Publish(t, hub.Bundle(keyed(app)))
			stateOf(t, cp, ns, plexKey, plexOnce)
			labelled(t, cp, mapRef(ns, "a"), plexKey)
			mustPatch(t, cp, mapRef(ns, "b"), `{"metadata":{"finalizers":null}}`)
			gone(t, cp, mapRef(ns, "b"))
			e := hub.Event(t, "the prune", func(e protocol.Event) bool { return e.Kind == protocol.EventPruned })
			if e.App != plexKey || e.Declared != plexID.String() {
				t.Errorf("it is told of %s, that %q declared", e.App, e.Declared)
			}
		},
		"refused content": func(t *testing.T, cp *testenv.ControlPlane, ns string, hub *agenttest.Hub) {
			hub.Apply(t, hub.App(t, plexOnce, deployment(ns, "web", 1), bye(ns)))
			app := hub.App(t, plexOnce, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"`+ns+
				`"},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"another"}},"template":{"metadata":{"labels":`+
				`{"app":"another"}},"spec":{"containers":[{"name":"main","image":"example.com/web:1"}]}}}}`, bye(ns))
			hub.Publish(t, hub.Bundle(app))
			failed := func(name string) {
				t.Helper()
				hub.Report(t, "it fails", func(r protocol.Report) bool {
					return agenttest.PhaseOf(r, name) == protocol.PhaseFailed
				})
			}
			failed(plexOnce)
			hub.Publish(t, hub.Bundle(keyed(app)))
			stateOf(t, cp, ns, plexKey, plexOnce)
			failed(plexKey)
			mustPatch(t, cp, deploymentRef(ns, "web"), `{"spec":{"replicas":3}}`)
			if err := cp.Kube().Wait(t.Context(), deploymentRef(ns, "web"), "as it was applied last", func(o testenv.Object) bool {
				return o != nil && o.Number("spec", "replicas") == 1 && o.Text("metadata", "labels", "drover.dev/app") == plexKey
			}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, _ := scene(t)
			run(t, cp, ns, hub)
		})
	}
}

// halfway is a store that is cut off in the middle of a move.
type halfway struct {
	agent.Store
	died chan struct{}
}

func (h *halfway) DropApp(ctx context.Context, _ string) error {
	close(h.died)
	<-ctx.Done()
	return errors.Join(ctx.Err(), agent.ErrLost)
}

// An agent that dies between the two states leaves both, and the next one goes on with one.
func TestAMoveThatWasCutOffIsEnded(t *testing.T) {
	t.Parallel()
	h := &halfway{died: make(chan struct{})}
	cp, ns, hub, running := scene(t, func(c *deliver.Config) {
		h.Store = c.Store
		c.Store = h
	})
	app := hub.App(t, plexOnce, configMap(ns, "a", "1"), hookJob(ns, "migrate", "PreSync", works), hookJob(ns, "bye", "PreDelete", works))
	hub.Apply(t, app)
	b := hub.Bundle(keyed(app))
	hub.Publish(t, b)
	<-h.died
	if list := stateSecrets(t, cp, ns); !slices.Contains(list, "drover-app-"+plexKey) || !slices.Contains(list, "drover-app-"+plexOnce) {
		t.Fatalf("the states are %v", list)
	}
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub)
	hub.Healthy(t, b)
	stateOf(t, cp, ns, plexKey, plexOnce)
	labelled(t, cp, mapRef(ns, "a"), plexKey)
	untouched(t, hub, 1)
}

// A native app's state is nobody else's, whatever names another declaration once had.
func TestNobodyTakesANativeAppsState(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	native := hub.App(t, plexOnce, configMap(ns, "a", "1"), hookJob(ns, "bye", "PreDelete", works))
	native.Declared = "App " + plexOnce
	hub.Apply(t, native)
	hub.Apply(t, keyed(hub.App(t, plexKey, configMap(ns, "b", "1"))))
	gone(t, cp, mapRef(ns, "a"))
	if starts(hub, "bye") != 1 {
		t.Error("the app that left did not run its hook")
	}
}
