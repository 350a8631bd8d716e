package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// job is a Job that is no hook.
func job(ns, name, command string) string {
	return strings.Replace(hookJob(ns, name, "", command), `argocd.argoproj.io/hook: ""`, "example.com/a: b", 1)
}

// settled edits a ConfigMap and waits until that is healed, so that whatever was seen before has had its effect.
func settled(t *testing.T, cp *testenv.ControlPlane, ns string) {
	t.Helper()
	mustPatch(t, cp, mapRef(ns, "probe"), fmt.Sprintf(`{"data":{"key":"edit %d"}}`, time.Now().UnixNano()))
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "probe"), "healed", is("1", "data", "key")); err != nil {
		t.Fatal(err)
	}
}

// notRecreated says that an object is not there, and that no drift of it was told.
func notRecreated(t *testing.T, cp *testenv.ControlPlane, hub *agenttest.Hub, ref testenv.Ref) {
	t.Helper()
	settled(t, cp, ref.Namespace)
	if _, err := cp.Kube().Get(t.Context(), ref); !testenv.IsNotFound(err) {
		t.Errorf("%s is there again (%v)", ref, err)
	}
	for _, e := range hub.Events(protocol.EventDrift) {
		if e.Object.Name == ref.Name {
			t.Errorf("told of %s: %s", ref, e.Message)
		}
	}
}

// The TTL controller deletes a Job as soon as it has ended: it ran, and does so once.
func TestJobWithATimeToLiveRunsOnce(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	probe := configMap(ns, "probe", "1")
	hub.Publish(t, hub.Bundle(hub.App(t, "web", brief(job(ns, "seed", works)), probe)))
	done := func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseHealthy && a.Current == 2 && a.Objects == 2
	}
	hub.Report(t, "the app healthy", done)
	gone(t, cp, jobRef(ns, "seed"))
	notRecreated(t, cp, hub, jobRef(ns, "seed"))
	running.Stop(t)
	next := agenttest.Start(t, cp, ns, hub)
	notRecreated(t, cp, hub, jobRef(ns, "seed"))
	hub.Report(t, "the app healthy after a restart", func(r protocol.Report) bool { return next.Says(r) && done(r) })
	// The same content comes again, beside something else that changes, and as another app's.
	hub.Apply(t, hub.App(t, "web", brief(job(ns, "seed", works)), probe, configMap(ns, "more", "1")))
	notRecreated(t, cp, hub, jobRef(ns, "seed"))
	hub.Apply(t, hub.App(t, "web", probe), hub.App(t, "other", brief(job(ns, "seed", works))))
	notRecreated(t, cp, hub, jobRef(ns, "seed"))
	// Another content runs again, and so does the first one after that.
	for _, seed := range []string{strings.Replace(job(ns, "seed", works), "job:1", "job:2", 1), job(ns, "seed", works)} {
		hub.Apply(t, hub.App(t, "web", probe), hub.App(t, "other", seed))
		if !still(t, cp, jobRef(ns, "seed")).Condition("Complete") {
			t.Error("the Job did not run for its new content")
		}
		mustDelete(t, cp, jobRef(ns, "seed"))
		notRecreated(t, cp, hub, jobRef(ns, "seed"))
	}
}

func TestDeletionOfWhatRunsOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, object string
		ready        string // what the app says before the deletion
		edit         func(*protocol.App)
		recreated    bool
	}{
		{"completed", job("NS", "x", works), "", nil, false},
		{"completed Pod", `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","namespace":"NS"},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"example.com/c:1"}]}}`, "", nil, false},
		{"completed, drift kept", job("NS", "x", works), "", func(a *protocol.App) { a.KeepDrift = true }, false},
		{"runs", job("NS", "x", hangs), "runs (1 active", nil, true},
		{"failed", job("NS", "x", fails), "it failed", nil, true},
		{"failed with a time to live", brief(job("NS", "x", fails)), "it was deleted since, as its ttlSecondsAfterFinished asks", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, running := scene(t)
			app := hub.App(t, "web", strings.ReplaceAll(c.object, "NS", ns), configMap(ns, "probe", "1"))
			app.Prune = true
			if c.edit != nil {
				c.edit(&app)
			}
			ref := jobRef(ns, "x")
			if strings.Contains(c.name, "Pod") {
				ref = testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: ns, Name: "x"}
			}
			state := func(of *agenttest.Running) func(r protocol.Report) bool {
				return func(r protocol.Report) bool {
					a := agenttest.AppOf(r, "web")
					return of.Says(r) && strings.Contains(a.Message, c.ready) && (c.ready != "" || a.Phase == protocol.PhaseHealthy && a.Current == 2)
				}
			}
			hub.Publish(t, hub.Bundle(app))
			hub.Report(t, "the state before", state(running))
			uid := ""
			if live, err := cp.Kube().Get(t.Context(), ref); err == nil {
				uid = live.Text("metadata", "uid")
				mustDelete(t, cp, ref)
			}
			if c.recreated {
				if err := cp.Kube().Wait(t.Context(), ref, "recreated", func(o testenv.Object) bool { return o != nil && o.Text("metadata", "uid") != uid }); err != nil {
					t.Error(err)
				}
				return
			}
			gone(t, cp, ref)
			check := func() {
				t.Helper()
				if c.edit == nil {
					notRecreated(t, cp, hub, ref)
				} else if n := len(hub.Events(protocol.EventDrift)); n > 0 {
					t.Errorf("%d drifts told", n)
				}
			}
			check()
			running.Stop(t)
			hub.Report(t, "the same state after a restart", state(agenttest.Start(t, cp, ns, hub)))
			check()
		})
	}
}

// A Job that completes and is deleted while its app is suspended, or no agent runs, has run as well.
func TestJobThatCompletesUnattended(t *testing.T) {
	t.Parallel()
	for _, suspended := range []bool{false, true} {
		t.Run(fmt.Sprintf("suspended %t", suspended), func(t *testing.T) {
			t.Parallel()
			cp, ns, hub, running := scene(t)
			app := hub.App(t, "web", job(ns, "x", hangs), configMap(ns, "probe", "1"))
			hub.Publish(t, hub.Bundle(app))
			hub.Report(t, "the Job running", func(r protocol.Report) bool {
				return strings.Contains(agenttest.AppOf(r, "web").Message, "runs (1 active")
			})
			if suspended {
				paused := app
				paused.Suspend = true
				hub.Publish(t, hub.Bundle(paused))
				hub.Report(t, "the suspension", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseSuspended })
			} else {
				running.Stop(t)
			}
			finishPods(t, cp, ns)
			if err := cp.Kube().Wait(t.Context(), jobRef(ns, "x"), "complete", func(o testenv.Object) bool { return o.Condition("Complete") }); err != nil {
				t.Fatal(err)
			}
			if !suspended {
				eventually(t, "the event that tells of it", func() bool { return len(completions(t, cp, ns)) > 0 })
			}
			mustDelete(t, cp, jobRef(ns, "x"))
			gone(t, cp, jobRef(ns, "x"))
			if suspended {
				eventually(t, "the end stored", func() bool {
					return storedEnd(t, cp, ns)
				})
				running.Stop(t)
			}
			agenttest.Start(t, cp, ns, hub)
			hub.Apply(t, app)
			notRecreated(t, cp, hub, jobRef(ns, "x"))
		})
	}
}

// Whenever the agent ends, and another one goes on, a Job runs once for each content.
func TestJobRunsOnceThoughAgentsComeAndGo(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	const rounds = 12
	for round := range rounds {
		running := agenttest.Start(t, cp, ns, hub)
		seed := strings.Replace(brief(job(ns, "seed", works)), "job:1", fmt.Sprintf("job:%d", round), 1)
		b := hub.Bundle(hub.App(t, "web", seed, configMap(ns, "probe", "1")))
		hub.Publish(t, b)
		hub.Event(t, "the Job applied", func(e protocol.Event) bool { return e.Kind == protocol.EventApplied && e.Generation == b.Generation })
		if round%2 == 0 { // which is before or after the Job ended, and was deleted
			eventually(t, "the Job's end", func() bool { return len(completions(t, cp, ns)) > round })
		}
		running.Stop(t)
	}
	agenttest.Start(t, cp, ns, hub)
	eventually(t, "all ends", func() bool { return len(completions(t, cp, ns)) >= rounds })
	gone(t, cp, jobRef(ns, "seed"))
	hub.Report(t, "the app healthy", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "web") == protocol.PhaseHealthy })
	notRecreated(t, cp, hub, jobRef(ns, "seed"))
	if n := len(completions(t, cp, ns)); n != rounds {
		t.Errorf("%d runs of %d contents", n, rounds)
	}
}

// completions are the Jobs of a namespace that completed, by uid.
func completions(t *testing.T, cp *testenv.ControlPlane, ns string) map[string]bool {
	t.Helper()
	list, err := cp.Kube().List(t.Context(), "v1", "Event", ns, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, e := range list {
		if e.Text("reason") == "Completed" {
			out[e.Text("involvedObject", "uid")] = true
		}
	}
	return out
}

// finishPods has the Pods of a namespace that fit on no node end well.
func finishPods(t *testing.T, cp *testenv.ControlPlane, ns string) {
	t.Helper()
	list, err := cp.Kube().List(t.Context(), "v1", "Pod", ns, nil)
	if err != nil || len(list) == 0 {
		t.Fatalf("%d Pods (%v)", len(list), err)
	}
	for _, pod := range list {
		ref := testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: ns, Name: pod.Text("metadata", "name")}
		if _, err := cp.Kube().PatchStatus(t.Context(), ref, `{"status":{"phase":"Succeeded"}}`); err != nil {
			t.Fatal(err)
		}
	}
}

// storedEnd says whether the state of an agent tells of an object that ended.
func storedEnd(t *testing.T, cp *testenv.ControlPlane, ns string) bool {
	t.Helper()
	stored, err := kube.NewStore(agenttest.Client(t, cp), ns).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range stored.Apps {
		for _, item := range a.Items {
			if item.Ended != nil {
				return true
			}
		}
	}
	return false
}

// What is deleted again and again is recreated more slowly, whatever else the app does meanwhile, and it is said.
func TestDeletedAgainAndAgainIsRecreatedMoreSlowly(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	app := func(value string) protocol.App {
		return hub.App(t, "web", configMap(ns, "a", "1"), configMap(ns, "b", value))
	}
	hub.Apply(t, app("1"))
	back := func() {
		t.Helper()
		if err := cp.Kube().Wait(t.Context(), mapRef(ns, "a"), "recreated", testenv.Exists); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		mustPatch(t, cp, mapRef(ns, "a"), `{"metadata":{"annotations":{"a":"b"}}}`)
		mustDelete(t, cp, mapRef(ns, "a"))
		if e := hub.Nth(t, protocol.EventDrift, i); strings.Contains(e.Message, "again and again") {
			t.Errorf("deletion %d is taken for a fight: %s", i+1, e.Message)
		}
		back()
	}
	mustPatch(t, cp, mapRef(ns, "a"), `{"metadata":{"annotations":{"a":"b"}}}`)
	mustDelete(t, cp, mapRef(ns, "a"))
	start := time.Now()
	r := hub.Report(t, "the fight", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "web").Message, "is deleted again and again: 4 times within 10m")
	})
	if got := agenttest.AppOf(r, "web").Message; !strings.Contains(got, "ConfigMap/"+ns+"/a ") || !strings.Contains(got, "last written to by kubectl-edit") {
		t.Errorf("the app says %q", got)
	}
	hub.Publish(t, hub.Bundle(app("2")))
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "b"), "applied", is("2", "data", "key")); err != nil {
		t.Fatal(err)
	}
	if _, err := cp.Kube().Get(t.Context(), mapRef(ns, "a")); err == nil && time.Since(start) < 2*time.Second {
		t.Error("it was recreated by the next revision, and not after the pause")
	}
	back()
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("the fourth recreation came after %s", took)
	}
	if e := hub.Nth(t, protocol.EventDrift, 3); !strings.Contains(e.Message, "again and again") {
		t.Errorf("the event says %q", e.Message)
	}
}
