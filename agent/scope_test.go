package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

// What an agent with a scope needs: this in its own namespace, and the other in each namespace of the scope. The rest
// it reads is discovery, which Kubernetes lets everyone read who is known to it (system:discovery).
const (
	homeRole = `
- {apiGroups: [""], resources: [secrets], verbs: [get, list, create, update, delete]}
- {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, list, watch, create, update]}`
	scopeRole = `
- {apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch, create, patch, delete]}`
)

// permit gives the service account drover-agent of home the rules in a namespace, and nothing else.
func permit(t *testing.T, cp *testenv.ControlPlane, namespace, home, rules string) {
	t.Helper()
	_, err := cp.Kube().Apply(t.Context(), "installer", fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: drover-agent, namespace: %[1]s}
rules: %[3]s
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: drover-agent, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: drover-agent}
subjects: [{kind: ServiceAccount, name: drover-agent, namespace: %[2]s}]
`, namespace, home, strings.ReplaceAll(rules, "\n", "\n  ")))
	if err != nil {
		t.Fatal(err)
	}
}

// gate remembers what an agent asked for in vain, and what it asked for beyond namespaces and discovery.
type gate struct {
	next http.RoundTripper

	mu      sync.Mutex // guards what follows
	refused []string
	wide    []string
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	what := r.Method + " " + r.URL.Path
	if err == nil && resp.StatusCode == http.StatusForbidden {
		g.refused = append(g.refused, what)
	}
	discovery := r.URL.Path == "/api" || r.URL.Path == "/apis" || r.URL.Path == "/version"
	if !discovery && !strings.Contains(r.URL.Path, "/namespaces/") {
		g.wide = append(g.wide, what)
	}
	return resp, err
}

// asked gives what was refused, and what was asked of the whole cluster.
func (g *gate) asked() (refused, wide []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.refused), slices.Clone(g.wide)
}

// scopedClient is a client of the service account drover-agent of home.
func scopedClient(t *testing.T, cp *testenv.ControlPlane, home string) (*kube.Client, *gate) {
	t.Helper()
	g := &gate{}
	client, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: cp.Token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA},
		Impersonate: rest.ImpersonationConfig{UserName: "system:serviceaccount:" + home + ":drover-agent",
			Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + home, "system:authenticated"}},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			g.next = next
			return g
		}}, agenttest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	return client, g
}

// An agent with a scope works with the rights of that scope alone. What it may not touch it leaves, says so, and goes on
// with the rest.
func TestAScopedAgentNeedsNoMoreThanItsScope(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	in, out := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp)
	permit(t, cp, home, home, homeRole)
	permit(t, cp, in, home, scopeRole)
	client, gate := scopedClient(t, cp, home)
	agenttest.StartScoped(t, client, home, hub, in)
	inside := []string{configMap(in, "a", "1"), configMap(in, "b", "1"), deployment(in, "web", 1)}
	foreign := []string{configMap(out, "a", "1"), fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s-new"}}`, in)}
	hub.Publish(t, hub.Bundle(hub.App(t, "web", append(foreign, inside...)...)))
	r := hub.Report(t, "the rest applied", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseFailed && a.Current == 3
	})
	a := agenttest.AppOf(r, "web")
	want := "this agent may only touch the namespaces " + in + " (it was installed with --scope)"
	if !strings.Contains(a.Message, want) || !strings.Contains(a.Message, "(and 1 more)") || len(a.Problems) != 2 || !strings.Contains(a.Problems[1].Message, want) {
		t.Errorf("web says %q, and of its objects %+v", a.Message, a.Problems)
	}
	hub.Apply(t, hub.App(t, "web", inside[:2]...), hub.App(t, "other", inside[2])) // which moves and prunes
	mustPatch(t, cp, mapRef(in, "a"), `{"data":{"key":"other"}}`)
	if err := cp.Kube().Wait(t.Context(), mapRef(in, "a"), "healed", is("1", "data", "key")); err != nil {
		t.Error(err)
	}
	hub.Apply(t, hub.App(t, "web", inside[0]))
	gone(t, cp, mapRef(in, "b"))
	gone(t, cp, deploymentRef(in, "web"))
	if _, err := cp.Kube().Get(t.Context(), mapRef(out, "a")); !testenv.IsNotFound(err) {
		t.Errorf("what is outside is there: %v", err)
	}
	if refused, wide := gate.asked(); len(refused)+len(wide) > 0 {
		t.Errorf("it asked for what it has no right to: %q, and of the whole cluster: %q", refused, wide)
	}
}

// A role is in a namespace, and comes and goes with it.
func TestANamespaceOfTheScopeMayComeLater(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	late := home + "-late"
	permit(t, cp, home, home, homeRole)
	client, _ := scopedClient(t, cp, home)
	agenttest.StartScoped(t, client, home, hub, late)
	b := hub.Bundle(hub.App(t, "web", configMap(late, "a", "1")))
	hub.Publish(t, b)
	hub.Report(t, "web failed", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseFailed && strings.Contains(a.Message, "the agent has no role in namespace "+late)
	})
	if _, err := cp.Kube().Apply(t.Context(), "somebody", "{apiVersion: v1, kind: Namespace, metadata: {name: "+late+"}}"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cp.Kube().Delete(context.WithoutCancel(t.Context()), testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: late}) // with the control plane at the latest
	})
	permit(t, cp, late, home, scopeRole)
	hub.Healthy(t, b)
}

// An agent whose scope became smaller lets go of what it had outside, and leaves it there.
func TestASmallerScopeTakesNothingAway(t *testing.T) {
	t.Parallel()
	cp, home, hub, first := scene(t)
	in, out := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp)
	app := hub.App(t, "web", configMap(in, "a", "1"), configMap(out, "a", "1"))
	hub.Apply(t, app)
	first.Stop(t)
	agenttest.StartScoped(t, agenttest.Client(t, cp), home, hub, in)
	hub.Event(t, "letting go", func(e protocol.Event) bool {
		return e.Kind == protocol.EventKept && e.Object != nil && e.Object.Namespace == out && strings.Contains(e.Message, "may only touch")
	})
	hub.Apply(t)
	gone(t, cp, mapRef(in, "a"))
	still(t, cp, mapRef(out, "a"))
	if got := hub.Events(protocol.EventPruned); len(got) != 1 {
		t.Errorf("%d objects were pruned, want 1", len(got))
	}
}

// Whether a kind has namespaces is known when it is served, and not before.
func TestAKindThatTurnsOutToBeOutsideIsLeftAlone(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	in := testenv.NamespaceT(t, cp)
	permit(t, cp, home, home, homeRole)
	permit(t, cp, in, home, scopeRole)
	client, gate := scopedClient(t, cp, home)
	agenttest.StartScoped(t, client, home, hub, in)
	app := hub.App(t, "web", configMap(in, "a", "1"), fmt.Sprintf(`{"apiVersion":"%s.example.com/v1","kind":"thing","metadata":{"name":"x"},"spec":{"a":"1"}}`, in))
	app.Namespace = in
	hub.Publish(t, hub.Bundle(app))
	says := func(text string) func(protocol.Report) bool {
		return func(r protocol.Report) bool { return strings.Contains(agenttest.AppOf(r, "web").Message, text) }
	}
	hub.Report(t, "the kind being unknown", says("does not serve thing"))
	if _, err := cp.Kube().Apply(t.Context(), "somebody", fmt.Sprintf(definitionOf, in, "things", "thing", "Cluster")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cp.Kube().Delete(context.WithoutCancel(t.Context()), testenv.Ref{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition", Name: "things." + in + ".example.com"})
	})
	hub.Report(t, "the kind being outside", says("thing/x: this agent may only touch"))
	hub.Apply(t, hub.App(t, "web", configMap(in, "a", "1")))
	if refused, wide := gate.asked(); len(refused) > 0 || slices.ContainsFunc(wide, func(what string) bool { return !strings.HasPrefix(what, "GET /apis/"+in+".example.com/v1") }) {
		t.Errorf("it asked for what it has no right to: %q, and of the whole cluster: %q", refused, wide)
	}
}

// Who leads is agreed upon with the same rights.
func TestAScopedAgentTakesTheLead(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	home := testenv.NamespaceT(t, cp)
	permit(t, cp, home, home, homeRole)
	pod := testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: home, Name: "leader"}
	if _, err := cp.Kube().Apply(t.Context(), "somebody", fmt.Sprintf(
		`{apiVersion: v1, kind: Pod, metadata: {name: leader, namespace: %s}, spec: {nodeName: nowhere, terminationGracePeriodSeconds: 0, containers: [{name: main, image: example.com/app:1}]}}`, home)); err != nil {
		t.Fatal(err)
	}
	uid := still(t, cp, pod).Text("metadata", "uid")
	led := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := func(name, podUID string, lead func(context.Context) error) chan error {
		client, gate := scopedClient(t, cp, home)
		e := &kube.Election{Client: client, Namespace: home, PodName: name, PodUID: podUID, Identity: name, Log: agenttest.Log(t)}
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx, lead) }()
		t.Cleanup(func() {
			if refused, wide := gate.asked(); len(refused)+len(wide) > 0 {
				t.Errorf("%s asked for what it has no right to: %q, and of the whole cluster: %q", name, refused, wide)
			}
		})
		return done
	}
	first := run("leader", uid, func(ctx context.Context) error {
		led <- struct{}{}
		<-ctx.Done()
		return nil
	})
	<-led
	second := run("next", "other", func(ctx context.Context) error {
		led <- struct{}{}
		<-ctx.Done()
		return nil
	})
	mustDelete(t, cp, pod)
	<-led
	cancel()
	for _, done := range []chan error{first, second} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
