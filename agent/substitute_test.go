package agent_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

func secret(namespace, name, data string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Secret, metadata: {name: %s, namespace: %s}, stringData: %s}`, name, namespace, data)
}

// made has somebody apply manifests.
func made(t *testing.T, cp *testenv.ControlPlane, manifests string) {
	t.Helper()
	if _, err := cp.Kube().Apply(t.Context(), "somebody", manifests); err != nil {
		t.Fatal(err)
	}
}

// from has the agent replace an app's variables by those of objects, each as Kind/name in the namespace, with a question mark behind it
// if it is optional.
func from(app protocol.App, namespace string, vars map[string]string, refs ...string) protocol.App {
	app.Substitute = &protocol.Substitution{Vars: vars}
	for _, r := range refs {
		kind, name, _ := strings.Cut(r, "/")
		name, optional := strings.CutSuffix(name, "?")
		app.Substitute.From = append(app.Substitute.From, protocol.VarsRef{Kind: kind, Namespace: namespace, Name: name, Optional: optional})
	}
	app.Needs = app.Handling.Needs()
	return app
}

// has waits until a ConfigMap has a value under key.
func has(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref, value string) {
	t.Helper()
	if err := cp.Kube().Wait(t.Context(), ref, "saying "+value, is(value, "data", "key")); err != nil {
		t.Fatal(err)
	}
}

func TestVariablesThatOnlyTheClusterKnows(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	home, ns, hub := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp), agenttest.NewHubWithServer(t, "east-1")
	made(t, cp, fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {name: vars, namespace: %[1]s}, data: {region: eu, size: small, count: '2'}}\n---\n%[2]s",
		ns, secret(ns, "vars", `{size: large, token: "tops3cret\n", own: theirs}`)))
	running := agenttest.Start(t, cp, home, hub)
	app := from(hub.App(t, "web", configMap(ns, "${region}-app", "${size} ${token} ${own} ${nothing}${d:=x} $${kept}"), configMap(ns, "plain", "1"), strings.Replace(deployment(ns, "web", 1), "replicas: 1", `replicas: "${count}"`, 1)),
		ns, map[string]string{"own": "ours"}, "ConfigMap/vars", "Secret/vars", "Secret/nowhere?")
	b := hub.Bundle(app)
	hub.Publish(t, b)
	hub.Healthy(t, b)
	has(t, cp, mapRef(ns, "eu-app"), "large tops3cret ours x ${kept}")
	if got := still(t, cp, deploymentRef(ns, "web")).Number("spec", "replicas"); got != 2 {
		t.Errorf("%d replicas", got)
	}

	// Another value is applied at once. What does not change it changes nothing.
	before, plain := still(t, cp, mapRef(ns, "eu-app")), still(t, cp, mapRef(ns, "plain"))
	made(t, cp, secret(ns, "nowhere", `{nothing: "now "}`))
	has(t, cp, mapRef(ns, "eu-app"), "large tops3cret ours now x ${kept}")
	mustPatch(t, cp, secretRef(ns, "vars"), `{"stringData":{"size":"huge"}}`)
	has(t, cp, mapRef(ns, "eu-app"), "huge tops3cret ours now x ${kept}")
	// A name with a variable is another object then.
	mustPatch(t, cp, mapRef(ns, "vars"), `{"data":{"region":"us"}}`)
	has(t, cp, mapRef(ns, "us-app"), "huge tops3cret ours now x ${kept}")
	gone(t, cp, before.Ref())

	// Drift is healed by the values, with the hub away and by another agent too, and nothing is sent again.
	after := still(t, cp, mapRef(ns, "us-app"))
	running.Stop(t)
	hub.NATS.Kill()
	agenttest.Start(t, cp, home, hub)
	mustDelete(t, cp, deploymentRef(ns, "web"))
	if err := cp.Kube().Wait(t.Context(), deploymentRef(ns, "web"), "there again", func(o testenv.Object) bool { return o != nil && o.Number("spec", "replicas") == 2 }); err != nil {
		t.Error(err)
	}
	for _, o := range []testenv.Object{after, plain} {
		if now := still(t, cp, o.Ref()); now.Text("metadata", "resourceVersion") != o.Text("metadata", "resourceVersion") {
			t.Errorf("%s was written again: %s", o.Ref(), now)
		}
	}
	noTrace(t, cp, home, "tops3cret")
}

// noTrace says that a value is nowhere in the state of an agent, nor a sum of an object that it is in.
func noTrace(t *testing.T, cp *testenv.ControlPlane, home, value string) {
	t.Helper()
	for _, name := range stateSecrets(t, cp, home) {
		for _, data := range []string{still(t, cp, secretRef(home, name)).Text("data", "state")} {
			raw, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := agent.Unpack(raw, 1<<24); err == nil {
				raw = plain
			}
			if strings.Contains(string(raw), value) || strings.Contains(string(raw), base64.StdEncoding.EncodeToString([]byte(value))) {
				t.Errorf("%s holds the value", name)
			}
		}
	}
}

func TestAnAppWaitsForItsVariables(t *testing.T) {
	t.Parallel()
	cp, home, hub, running := scene(t)
	ns := testenv.NamespaceT(t, cp)
	pending := func(b protocol.Bundle) {
		t.Helper()
		hub.Report(t, "web waiting", func(r protocol.Report) bool {
			a := agenttest.AppOf(r, "web")
			return r.Generation == b.Generation && a.Phase == protocol.PhasePending && strings.Contains(a.Message, "waits for the Secret "+ns+"/vars, from which it takes variables")
		})
	}
	web := func(value string) protocol.App {
		return from(hub.App(t, "web", configMap(ns, "web", value)), ns, nil, "Secret/vars")
	}
	b := hub.Bundle(web("1 ${x}"), hub.App(t, "other", configMap(ns, "other", "1")))
	hub.Publish(t, b)
	pending(b)
	has(t, cp, mapRef(ns, "other"), "1") // it alone waits
	made(t, cp, secret(ns, "vars", "{x: a}"))
	hub.Healthy(t, b)
	has(t, cp, mapRef(ns, "web"), "1 a")

	// What was applied stays when they go, and a newer version waits.
	mustDelete(t, cp, secretRef(ns, "vars"))
	pending(b)
	b = hub.Bundle(web("2 ${x}"))
	hub.Publish(t, b)
	pending(b)
	still(t, cp, mapRef(ns, "other")) // it left, and might be in what web will be
	if got := still(t, cp, mapRef(ns, "web")).Text("data", "key"); got != "1 a" {
		t.Errorf("without its variables it was made %q", got)
	}
	running.Stop(t)
	agenttest.Start(t, cp, home, hub)
	pending(b)
	still(t, cp, mapRef(ns, "web"))
	made(t, cp, secret(ns, "vars", "{x: b}"))
	hub.Healthy(t, b)
	has(t, cp, mapRef(ns, "web"), "2 b")
}

// A tenant's app is given no variables that its account may not read.
func TestATenantReadsNoVariablesOfOthers(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own, foreign := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	made(t, cp, secret(foreign, "vars", "{x: s3cret}"))
	agenttest.Start(t, cp, home, hub)
	b := hub.Bundle(as(account, from(hub.App(t, "web", configMap(own, "a", "${x}")), foreign, nil, "Secret/vars")))
	hub.Publish(t, b)
	failing(t, hub, b, "web", "read the Secret "+foreign+"/vars: the app is applied with the rights of the service account "+account)
	if _, err := cp.Kube().Get(t.Context(), mapRef(own, "a")); !testenv.IsNotFound(err) {
		t.Errorf("it was applied: %v", err)
	}
}

// What the API server says of an object may quote the value that it refuses.
func TestARefusalQuotesNoSecret(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	ns := testenv.NamespaceT(t, cp)
	made(t, cp, secret(ns, "vars", "{x: s3cret.}"))
	agenttest.Start(t, cp, home, hub)
	service := fmt.Sprintf(`{apiVersion: v1, kind: Service, metadata: {name: a, namespace: %s, labels: {a: "${x}"}}, spec: {ports: [{port: 80}]}}`, ns)
	b := hub.Bundle(from(hub.App(t, "web", service), ns, nil, "Secret/vars"), from(hub.App(t, "shape", configMap(ns, "a", "${x}")), ns, map[string]string{"x": "*t0ps3cret"}, "Secret/vars"))
	hub.Publish(t, b)
	for app, words := range map[string]string{"web": "it is not valid at metadata.labels", "shape": "it is no YAML any more"} {
		if a := failing(t, hub, b, app, words); strings.Contains(a.Message, "s3cret") {
			t.Errorf("%s says %q", app, a.Message)
		}
	}
	for _, e := range hub.Events() {
		if strings.Contains(e.Message, "s3cret") {
			t.Errorf("an event says %q", e.Message)
		}
	}
}

// TestOpaqueValuesComeFromTheCluster: what a chart passed on unread is put in before an object is applied, another
// value at once; and one that cannot be put in leaves what was applied.
func TestOpaqueValuesComeFromTheCluster(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	home, ns, hub := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp), agenttest.NewHubWithServer(t, "east-1")
	agenttest.Start(t, cp, home, hub)
	app := hub.App(t, "web", configMap(ns, "host", "https://app.zq1/ ${kept}"))
	app.Opaque = []protocol.Opaque{{Token: "zq1", Key: "domain",
		From: []protocol.VarsRef{{Kind: "Secret", Namespace: ns, Name: "vars"}}}}
	app.Needs = app.Handling.Needs()
	b := hub.Bundle(app)
	hub.Publish(t, b)
	hub.Report(t, "web waiting", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhasePending && strings.Contains(a.Message, "waits for the Secret "+ns+"/vars")
	})
	made(t, cp, secret(ns, "vars", `{domain: example.net}`))
	hub.Healthy(t, b)
	has(t, cp, mapRef(ns, "host"), "https://app.example.net/ ${kept}")
	mustPatch(t, cp, secretRef(ns, "vars"), `{"stringData":{"domain":"example.org"}}`)
	has(t, cp, mapRef(ns, "host"), "https://app.example.org/ ${kept}")

	mustPatch(t, cp, secretRef(ns, "vars"), `{"stringData":{"domain":"tops3cret x: y"}}`)
	a := failing(t, hub, b, "web", "domain of the Secret "+ns+"/vars cannot be put into what the chart made")
	if strings.Contains(a.Message, "tops3cret") {
		t.Errorf("it says %q", a.Message)
	}
	has(t, cp, mapRef(ns, "host"), "https://app.example.org/ ${kept}")
}
