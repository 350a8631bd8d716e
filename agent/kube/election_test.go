package kube_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

// candidate is an agent that wants to lead.
type candidate struct {
	leads, left chan struct{}
	stop        context.CancelFunc
	done        chan error
}

func run(t *testing.T, e *kube.Election) *candidate {
	t.Helper()
	c := &candidate{leads: make(chan struct{}, 10), left: make(chan struct{}, 10), done: make(chan error, 1)}
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	e.Log = slog.New(slog.DiscardHandler)
	go func() {
		c.done <- e.Run(ctx, func(ctx context.Context) error {
			c.leads <- struct{}{}
			<-ctx.Done()
			c.left <- struct{}{}
			return nil
		})
	}()
	t.Cleanup(func() { c.end(t) })
	return c
}

func (c *candidate) end(t *testing.T) {
	t.Helper()
	c.stop()
	select {
	case err := <-c.done:
		if err != nil {
			t.Errorf("a candidate ended with %v", err)
		}
		c.done <- nil
	case <-time.After(race.Patience(90 * time.Second)):
		t.Error("a candidate does not end")
	}
}

func soonTold(t *testing.T, what string, told <-chan struct{}) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(race.Patience(90 * time.Second)):
		t.Fatalf("timed out waiting for %s", what)
	}
}

func notTold(t *testing.T, what string, told <-chan struct{}) {
	t.Helper()
	select {
	case <-told:
		t.Fatalf("%s, which should not be", what)
	default:
	}
}

func makePod(t *testing.T, cp *testenv.ControlPlane, ns, name string) (uid string) {
	t.Helper()
	made, err := cp.Kube().Create(t.Context(), "test", testenv.Object{"apiVersion": "v1", "kind": "Pod",
		"metadata": testenv.Object{"name": name, "namespace": ns},
		"spec":     testenv.Object{"containers": []any{testenv.Object{"name": "agent", "image": "example.com/agent:1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return made.Text("metadata", "uid")
}

func podRef(ns, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: ns, Name: name}
}

func leaseRef(ns string) testenv.Ref {
	return testenv.Ref{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: ns, Name: "drover-agent"}
}

func holds(holder string) func(testenv.Object) bool {
	return func(o testenv.Object) bool { return o.Text("spec", "holderIdentity") == holder }
}

// status changes a pod's status, as a kubelet or the node controller would.
func setStatus(t *testing.T, cp *testenv.ControlPlane, ns, name string, status testenv.Object) {
	t.Helper()
	hc, err := rest.HTTPClientFor(&rest.Config{Host: cp.URL, BearerToken: cp.Token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA}})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, cp.URL+"/api/v1/namespaces/"+ns+"/pods/"+name+"/status",
		strings.NewReader(testenv.Object{"status": status}.String()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/merge-patch+json")
	resp, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("change the status of %s: %s", name, resp.Status)
	}
}

func TestLeadershipFollowsThePod(t *testing.T) {
	t.Parallel()
	ended := map[string]func(t *testing.T, cp *testenv.ControlPlane, ns string){
		"deleted": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			if err := cp.Kube().Delete(t.Context(), podRef(ns, "first")); err != nil {
				t.Fatal(err)
			}
		},
		"replaced by one of the same name": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			if err := cp.Kube().Delete(t.Context(), podRef(ns, "first")); err != nil {
				t.Fatal(err)
			}
			makePod(t, cp, ns, "first")
		},
		"failed": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			setStatus(t, cp, ns, "first", testenv.Object{"phase": "Failed"})
		},
		"on a node that is lost": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			setStatus(t, cp, ns, "first", testenv.Object{"phase": "Running", "conditions": []any{testenv.Object{
				"type": "Ready", "status": "False", "lastTransitionTime": time.Now().Add(-8 * time.Second).UTC().Format(time.RFC3339)}}})
		},
		"lease given away": func(t *testing.T, cp *testenv.ControlPlane, ns string) {
			if _, err := cp.Kube().Patch(t.Context(), "test", leaseRef(ns), `{"spec":{"holderIdentity":""}}`); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, end := range ended {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cp := testenv.Shared(t)
			ns := testenv.NamespaceT(t, cp)
			client := newClient(t, cp)
			firstUID, secondUID := makePod(t, cp, ns, "first"), makePod(t, cp, ns, "second")
			setStatus(t, cp, ns, "first", testenv.Object{"phase": "Running", "conditions": []any{testenv.Object{"type": "Ready", "status": "True"}}})
			// The first one ends without saying so: it is a lease that names it, and nothing else.
			first := run(t, &kube.Election{Client: client, Namespace: ns, PodName: "first", PodUID: firstUID})
			soonTold(t, "the first to lead", first.leads)
			second := run(t, &kube.Election{Client: client, Namespace: ns, PodName: "second", PodUID: secondUID})
			if err := cp.Kube().Wait(soon(t), leaseRef(ns), "held by the first", holds("first/"+firstUID)); err != nil {
				t.Fatal(err)
			}
			notTold(t, "two lead", second.leads)
			end(t, cp, ns)
			if name == "lease given away" {
				soonTold(t, "the first to step down", first.left)
				return
			}
			soonTold(t, "the second to lead", second.leads)
			soonTold(t, "the first to step down", first.left)
		})
	}
}

func TestNotReadyIsNotDead(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	firstUID, secondUID := makePod(t, cp, ns, "first"), makePod(t, cp, ns, "second")
	first := run(t, &kube.Election{Client: client, Namespace: ns, PodName: "first", PodUID: firstUID})
	soonTold(t, "the first to lead", first.leads)
	second := run(t, &kube.Election{Client: client, Namespace: ns, PodName: "second", PodUID: secondUID})
	setStatus(t, cp, ns, "first", testenv.Object{"phase": "Running", "conditions": []any{testenv.Object{"type": "Ready", "status": "False",
		"reason": "ContainersNotReady", "lastTransitionTime": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}}})
	first.end(t) // gives the lease back
	soonTold(t, "the second to lead", second.leads)
	if err := cp.Kube().Wait(soon(t), leaseRef(ns), "held by the second", holds("second/"+secondUID)); err != nil {
		t.Error(err)
	}
	select {
	case <-first.left:
	default:
		t.Error("the first lost the lease before it gave it back")
	}
}

func TestProcessesTakeOverOnlyWhenTold(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	laptop := run(t, &kube.Election{Client: client, Namespace: ns, Identity: "laptop"})
	soonTold(t, "the laptop to lead", laptop.leads)
	desk := run(t, &kube.Election{Client: client, Namespace: ns, Identity: "desk"})
	again := run(t, &kube.Election{Client: client, Namespace: ns, Identity: "laptop"}) // as after a crash
	soonTold(t, "the same process to lead again", again.leads)
	notTold(t, "the desk leads", desk.leads)
	bold := run(t, &kube.Election{Client: client, Namespace: ns, Identity: "bold", TakeOver: true})
	soonTold(t, "the bold one to lead", bold.leads)
	soonTold(t, "the laptop to step down", laptop.left)
	notTold(t, "the desk leads", desk.leads)
}

// Who waits, and who leads, ask for nothing while nothing happens.
func TestWaitingCostsNothing(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	client := newClient(t, cp)
	uids := []string{makePod(t, cp, ns, "a"), makePod(t, cp, ns, "b"), makePod(t, cp, ns, "c")}
	leader := run(t, &kube.Election{Client: client, Namespace: ns, PodName: "a", PodUID: uids[0]})
	soonTold(t, "a leader", leader.leads)
	for i, name := range []string{"b", "c"} {
		run(t, &kube.Election{Client: client, Namespace: ns, PodName: name, PodUID: uids[i+1]})
	}
	count := func() int {
		requests, err := cp.RequestsOf(t.Name())
		if err != nil {
			t.Fatal(err)
		}
		return requests.Total(testenv.Resource("leases", "pods"))
	}
	for before := -1; before != count(); { // until everybody has settled
		before = count()
		time.Sleep(time.Second)
	}
	before := count()
	time.Sleep(5 * time.Second) // rest is what is measured
	if got := count() - before; got != 0 {
		t.Errorf("%d requests in 5 s of rest, want 0", got)
	}
}

func TestALeaseOnTrialIsTakenBack(t *testing.T) {
	t.Parallel()
	for name, proven := range map[string]bool{"unless it was confirmed": true, "in time": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cp := testenv.Shared(t)
			ns := testenv.NamespaceT(t, cp)
			client := newClient(t, cp)
			formerUID, newerUID := makePod(t, cp, ns, "former"), makePod(t, cp, ns, "newer")
			former := run(t, &kube.Election{Client: client, Namespace: ns, PodName: "former", PodUID: formerUID})
			soonTold(t, "the former to lead", former.leads)
			trial := 2 * time.Second
			if proven { // the test has to confirm in time, on a busy machine, too
				trial = race.Patience(10 * time.Second)
			}
			e := &kube.Election{Client: client, Namespace: ns, PodName: "newer", PodUID: newerUID, TakeOver: true, Trial: trial}
			newer := run(t, e)
			soonTold(t, "the newer to lead", newer.leads)
			soonTold(t, "the former to step down", former.left)
			if !proven {
				soonTold(t, "the former to take the lead back", former.leads)
				soonTold(t, "the newer to step down", newer.left)
				if err := cp.Kube().Wait(soon(t), leaseRef(ns), "no longer on trial", confirmed("former/"+formerUID)); err != nil {
					t.Error(err)
				}
				return
			}
			if err := e.Confirm(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := cp.Kube().Wait(soon(t), leaseRef(ns), "confirmed", confirmed("newer/"+newerUID)); err != nil {
				t.Error(err)
			}
			select {
			case <-former.leads:
				t.Error("the lease was confirmed, and taken back")
			case <-time.After(trial + time.Second):
			}
		})
	}
}

// confirmed is for a lease that lasts as long as its holder.
func confirmed(holder string) func(testenv.Object) bool {
	return func(o testenv.Object) bool { return holds(holder)(o) && o.Field("spec", "leaseDurationSeconds") == nil }
}
