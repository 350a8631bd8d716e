package agent_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// tells is for a report in which app is in a phase, with a message that has all parts.
func tells(app string, phase protocol.Phase, parts ...string) func(protocol.Report) bool {
	return func(r protocol.Report) bool {
		a := agenttest.AppOf(r, app)
		for _, p := range parts {
			if !strings.Contains(a.Message, p) {
				return false
			}
		}
		return a.Phase == phase
	}
}

// running is a workload of one pod with one container.
func running(kind, ns, name, container string) string {
	return fmt.Sprintf(`{"apiVersion":"apps/v1","kind":%q,"metadata":{"name":%q,"namespace":%q},"spec":{"serviceName":"none","selector":{"matchLabels":{"app":%[2]q}},
		"template":{"metadata":{"labels":{"app":%[2]q}},"spec":{"containers":[%[4]s]}}}}`, kind, name, ns, container)
}

func deployed(ns, name, container string) string {
	return strings.Replace(running("Deployment", ns, name, container), `"serviceName":"none",`, "", 1)
}

// podOf waits for the one pod that carries a label and has been played.
func podOf(t *testing.T, cp *testenv.ControlPlane, ns, label string) testenv.Object {
	t.Helper()
	deadline := time.Now().Add(race.Patience(90 * time.Second))
	for {
		pods, err := cp.Kube().List(t.Context(), "v1", "Pod", ns, url.Values{"labelSelector": {label}})
		if err == nil && len(pods) == 1 && pods[0].Text("status", "phase") != "Pending" {
			return pods[0]
		}
		if time.Now().After(deadline) {
			t.Fatalf("no pod runs that has %s: %v %v", label, pods, err)
		}
		<-time.After(50 * time.Millisecond)
	}
}

func stamp(ago time.Duration) string { return time.Now().Add(-ago).UTC().Format(time.RFC3339) }

// container writes the status of a pod's one container, as a kubelet would.
func container(t *testing.T, cp *testenv.ControlPlane, pod testenv.Object, ready bool, restarts int, state, last string) {
	t.Helper()
	yes := map[bool]string{true: "True", false: "False"}[ready]
	_, err := cp.Kube().PatchStatus(t.Context(), pod.Ref(), fmt.Sprintf(`{"status":{"conditions":[{"type":"PodScheduled","status":"True"},{"type":"Initialized","status":"True"},
		{"type":"ContainersReady","status":%[1]q,"reason":"ContainersNotReady"},{"type":"Ready","status":%[1]q,"reason":"ContainersNotReady","lastTransitionTime":%[2]q}],
		"containerStatuses":[{"name":"main","image":"example.com/app:1","imageID":"played","ready":%[3]t,"started":true,"restartCount":%[4]d,"state":%[5]s,"lastState":%[6]s}]}}`,
		yes, stamp(0), ready, restarts, state, last))
	if err != nil {
		t.Fatal(err)
	}
}

const backOff = `{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 20s restarting failed container"}}`

func ended(code int, message string, ago time.Duration) string {
	return fmt.Sprintf(`{"terminated":{"exitCode":%d,"reason":"Error","message":%q,"startedAt":%q,"finishedAt":%q,"containerID":"x://1"}}`,
		code, message, stamp(ago+time.Second), stamp(ago))
}

func up(ago time.Duration) string { return fmt.Sprintf(`{"running":{"startedAt":%q}}`, stamp(ago)) }

func TestSaysWhichImageCannotBePulled(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	hub.Publish(t, hub.Bundle(hub.App(t, "web", deployed(ns, "web", `{"name":"main","image":"registry.invalid/app:1"}`))))
	r := hub.Report(t, "the image", tells("web", protocol.PhaseDegraded, "Deployment/"+ns+"/web: 0 of 1 pods are ",
		"the image registry.invalid/app:1 of container main cannot be pulled: no such host: registry.invalid; correct the registry's name in Git", " on node-"))
	if p := agenttest.AppOf(r, "web").Problems; len(p) != 1 || p[0].Health != protocol.HealthDegraded || !strings.Contains(p[0].Message, "cannot be pulled") {
		t.Errorf("the problems are %+v", p)
	}
	hub.Nth(t, protocol.EventDegraded, 0)
	hub.Apply(t, hub.App(t, "web", deployed(ns, "web", `{"name":"main","image":"example.com/app:2"}`)))
	if n := len(hub.Events(protocol.EventDegraded)); n != 1 {
		t.Errorf("%d times degraded, want once: what was wrong before the fix is no news after it", n)
	}
}

// A container that is started again once is no failure; one that is held back after the third time is, at once, and it is well
// again only when it has run for longer than it did.
func TestACrashLoopIsDegradedAndDoesNotFlap(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", deployed(ns, "web", `{"name":"main","image":"example.com/app:1"}`)))
	pod := podOf(t, cp, ns, "app=web")
	watches := podWatches(t, cp, ns)
	container(t, cp, pod, false, 1, backOff, ended(3, "starting\npanic: no DATABASE_URL\n", 0))
	hub.Report(t, "one crash", tells("web", protocol.PhaseWaiting, "0 of 1 pods are ", "container main ended with exit code 3 after 1 restart: panic: no DATABASE_URL; see kubectl logs -n "+ns+" "))
	container(t, cp, pod, false, 2, backOff, ended(3, "panic: no DATABASE_URL", 0))
	hub.Report(t, "a crash loop", tells("web", protocol.PhaseDegraded, "container main ends again and again with exit code 3 after 2 restarts: panic: no DATABASE_URL", "(pod "+pod.Ref().Name+" on node-"))
	container(t, cp, pod, true, 3, up(0), ended(3, "panic: no DATABASE_URL", 20*time.Second))
	hub.Report(t, "a breath between two crashes", tells("web", protocol.PhaseDegraded, "it is ready again, and not for long enough to count", "after 3 restarts"))
	container(t, cp, pod, false, 3, backOff, ended(3, "panic: no DATABASE_URL", 0))
	hub.Report(t, "the crash loop again", tells("web", protocol.PhaseDegraded, "0 of 1 pods are ", "after 3 restarts"))
	if healthy, degraded := len(hub.Events(protocol.EventHealthy)), len(hub.Events(protocol.EventDegraded)); healthy != 1 || degraded != 1 {
		t.Errorf("it was told %d times healthy and %d times degraded, want once each", healthy, degraded)
	}
	container(t, cp, pod, true, 4, up(time.Minute), ended(3, "panic: no DATABASE_URL", 80*time.Second))
	hub.Report(t, "health", tells("web", protocol.PhaseHealthy))
	deadline := time.Now().Add(race.Patience(90 * time.Second))
	for podWatches(t, cp, ns) > watches {
		if time.Now().After(deadline) {
			t.Fatalf("%d watches of pods and events are open at rest, %d were before", podWatches(t, cp, ns), watches)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// podWatches counts the watches of pods and events that are open of the agent with its state in a namespace.
func podWatches(t *testing.T, cp *testenv.ControlPlane, ns string) int {
	t.Helper()
	open, err := cp.WatchesOf(ns)
	if err != nil {
		t.Fatal(err)
	}
	return open.Total(testenv.Resource("pods", "events"))
}

// What a status does not say, an event does: here, whose probe fails.
func TestSaysWhichProbeFails(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	hub.Apply(t, hub.App(t, "web", deployed(ns, "web", `{"name":"main","image":"example.com/app:1"}`)))
	pod := podOf(t, cp, ns, "app=web")
	container(t, cp, pod, false, 0, up(time.Minute), `{}`)
	hub.Report(t, "an unready container", tells("web", protocol.PhaseWaiting, "container main runs and is not ready"))
	_, err := cp.Kube().Create(t.Context(), "kubelet", testenv.Object{"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"generateName": "web-", "namespace": ns},
		"involvedObject": map[string]any{"apiVersion": "v1", "kind": "Pod", "namespace": ns, "name": pod.Ref().Name, "uid": pod.Text("metadata", "uid")},
		"reason":         "Unhealthy", "type": "Warning", "message": "Readiness probe failed: HTTP probe failed with statuscode: 503", "lastTimestamp": stamp(0)})
	if err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "the probe", tells("web", protocol.PhaseWaiting, "container main runs and is not ready: Readiness probe failed: HTTP probe failed with statuscode: 503; see why it does not answer"))
}

func TestSaysWhyPodsCannotBeCreated(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	quota := fmt.Sprintf(`{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"none","namespace":%q},"spec":{"hard":{"pods":"0"}}}`, ns)
	hub.Apply(t, hub.App(t, "quota", quota))
	if err := cp.Kube().Wait(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "ResourceQuota", Namespace: ns, Name: "none"}, "counted", is("0", "status", "hard", "pods")); err != nil {
		t.Fatal(err)
	}
	b := hub.Bundle(hub.App(t, "quota", quota), hub.App(t, "db", running("StatefulSet", ns, "db", `{"name":"main","image":"example.com/app:1"}`)),
		hub.App(t, "web", deployed(ns, "web", `{"name":"main","image":"example.com/app:1"}`)))
	hub.Publish(t, b)
	for _, app := range []string{"db", "web"} { // of a StatefulSet, events alone tell
		hub.Report(t, "the quota of "+app, tells(app, protocol.PhaseWaiting, "its pods exceed a quota of the namespace: exceeded quota: none", "raise the ResourceQuota"))
	}
}

// A claim that waits for its first pod waits for nobody's mistake.
func TestAClaimMayWaitForItsFirstPod(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	class := fmt.Sprintf(`{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":%q},"provisioner":"example.com/none","volumeBindingMode":"WaitForFirstConsumer"}`, ns)
	claim := fmt.Sprintf(`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data","namespace":%q},
		"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":%[1]q,"resources":{"requests":{"storage":"1Gi"}}}}`, ns)
	hub.Apply(t, hub.App(t, "data", class, claim))
	hub.Publish(t, hub.Bundle(hub.App(t, "data", class, claim), hub.App(t, "other", strings.Replace(strings.Replace(claim, `"data"`, `"other"`, 1), `"storageClassName":"`, `"storageClassName":"no-`, 1))))
	hub.Report(t, "a claim without a class", tells("other", protocol.PhaseWaiting, "the claim is not bound (Pending): its volume cannot be made: storageclass.storage.k8s.io", "not found"))
}

func TestSaysWhyAJobFailed(t *testing.T) {
	t.Parallel()
	cp, ns, hub, _ := scene(t)
	spec := `{"backoffLimit":0,"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"main","image":"example.com/app:1","command":["false"]}]}}}`
	job := fmt.Sprintf(`{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"migrate","namespace":%q},"spec":%s}`, ns, spec)
	nightly := fmt.Sprintf(`{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"nightly","namespace":%q},"spec":{"schedule":"0 0 30 2 *","jobTemplate":{"spec":%s}}}`, ns, spec)
	hub.Publish(t, hub.Bundle(hub.App(t, "job", job), hub.App(t, "cron", nightly)))
	hub.Report(t, "the Job's cause", tells("job", protocol.PhaseDegraded, "it failed (BackoffLimitExceeded)", "container main failed with exit code 1"))
	if e := hub.Nth(t, protocol.EventDegraded, 0); !strings.Contains(e.Message, "container main failed with exit code 1") {
		t.Errorf("the event says no more than %q", e.Message)
	}
	hub.Report(t, "the CronJob, which has not run", tells("cron", protocol.PhaseHealthy))
	cron := testenv.Ref{APIVersion: "batch/v1", Kind: "CronJob", Namespace: ns, Name: "nightly"}
	owner := map[string]any{"apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly", "uid": still(t, cp, cron).Text("metadata", "uid"), "controller": true}
	list, err := testenv.Objects(strings.Replace(job, "migrate", "nightly-1", 1))
	if err != nil {
		t.Fatal(err)
	}
	run := list[0]
	run["metadata"].(map[string]any)["ownerReferences"] = []any{owner}
	if _, err := cp.Kube().Create(t.Context(), "cronjob-controller", run); err != nil {
		t.Fatal(err)
	}
	if _, err := cp.Kube().PatchStatus(t.Context(), cron, fmt.Sprintf(`{"status":{"lastScheduleTime":%q}}`, stamp(0))); err != nil {
		t.Fatal(err)
	}
	hub.Report(t, "the CronJob's cause", tells("cron", protocol.PhaseDegraded, "did not succeed", "container main failed with exit code 1"))
}

// More is broken than is looked into at once, and each gets its cause all the same.
func TestEveryBrokenObjectGetsItsTurn(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	const size = 20
	objects := make([]string, size)
	for i := range objects {
		objects[i] = deployed(ns, fmt.Sprintf("web-%d", i), fmt.Sprintf(`{"name":"main","image":"registry-%d.invalid/app:1"}`, i))
	}
	hub.Publish(t, hub.Bundle(hub.App(t, "web", objects...)))
	hub.Report(t, "all causes", func(r protocol.Report) bool {
		known := map[string]bool{}
		for _, p := range agenttest.AppOf(r, "web").Problems {
			if strings.Contains(p.Message, "cannot be pulled: no such host") {
				known[p.Object.Name] = true
			}
		}
		return len(known) == size
	})
}

func TestAScopeIsEnoughToSayWhy(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	in := testenv.NamespaceT(t, cp)
	permit(t, cp, home, home, homeRole)
	permit(t, cp, in, home, scopeRole)
	client, gate := scopedClient(t, cp, home)
	agenttest.StartScoped(t, client, home, hub, in)
	hub.Publish(t, hub.Bundle(hub.App(t, "web", deployed(in, "web", `{"name":"main","image":"registry.invalid/app:1"}`))))
	hub.Report(t, "the image", tells("web", protocol.PhaseDegraded, "cannot be pulled: no such host: registry.invalid"))
	if refused, wide := gate.asked(); len(refused)+len(wide) > 0 {
		t.Errorf("it asked for what it has no right to: %q, and of the whole cluster: %q", refused, wide)
	}
}
