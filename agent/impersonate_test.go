package agent_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

// tenant makes the service account deployer in a namespace, which may do as it likes with ConfigMaps there, and nothing else.
func tenant(t *testing.T, cp *testenv.ControlPlane, namespace string) (account string) {
	t.Helper()
	_, err := cp.Kube().Apply(t.Context(), "platform", fmt.Sprintf(`
{apiVersion: v1, kind: ServiceAccount, metadata: {name: deployer, namespace: %[1]s}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer, namespace: %[1]s}
rules: [{apiGroups: [""], resources: [configmaps], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer, namespace: %[1]s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: deployer, namespace: %[1]s}]
`, namespace))
	if err != nil {
		t.Fatal(err)
	}
	return namespace + "/deployer"
}

// as has an app applied with the rights of a service account.
func as(account string, app protocol.App) protocol.App {
	app.ServiceAccount = account
	app.Needs = app.Handling.Needs()
	return app
}

// failing waits until an app of a bundle fails with words.
func failing(t *testing.T, hub *agenttest.Hub, b protocol.Bundle, app, words string) protocol.AppReport {
	t.Helper()
	r := hub.Report(t, app+" failing with "+words, func(r protocol.Report) bool {
		a := agenttest.AppOf(r, app)
		return r.Generation == b.Generation && a.Phase == protocol.PhaseFailed && strings.Contains(a.Message, words)
	})
	return agenttest.AppOf(r, app)
}

// unchanged says that an object still has the value that it was given, under the uid that it had.
func unchanged(t *testing.T, cp *testenv.ControlPlane, before testenv.Object, value string) {
	t.Helper()
	now := still(t, cp, before.Ref())
	if now.Text("metadata", "resourceVersion") != before.Text("metadata", "resourceVersion") || now.Text("data", "key") != value {
		t.Errorf("%s was touched: %s", before.Ref(), now)
	}
}

func TestATenantsAppTouchesOnlyWhatItsAccountMay(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own, foreign := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	agenttest.Start(t, cp, home, hub)
	if _, err := cp.Kube().Apply(t.Context(), "somebody", configMap(foreign, "found", "theirs")); err != nil {
		t.Fatal(err)
	}
	hub.Apply(t, hub.App(t, "platform", configMap(foreign, "moving", "platform's")), as(account, hub.App(t, "web", configMap(own, "a", "1"), configMap(own, "b", "1"))))
	found, moving := still(t, cp, mapRef(foreign, "found")), still(t, cp, mapRef(foreign, "moving"))

	// It takes over what somebody else made, what moved to it from another app, and what nobody has.
	b := hub.Bundle(hub.App(t, "platform"), as(account, hub.App(t, "web", configMap(own, "a", "2"), configMap(own, "b", "1"),
		configMap(foreign, "found", "mine"), configMap(foreign, "moving", "mine"), configMap(foreign, "new", "mine"),
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"`+own+`"},"rules":[]}`)))
	hub.Publish(t, b)
	failing(t, hub, b, "web", "the rights of the service account "+account+", which may not do this: give it the right")
	if err := cp.Kube().Wait(t.Context(), mapRef(own, "a"), "changed", is("2", "data", "key")); err != nil {
		t.Error(err) // what it may do is done all the same
	}
	r := hub.Report(t, "all of it refused", func(r protocol.Report) bool { return len(agenttest.AppOf(r, "web").Problems) == 4 })
	for _, p := range agenttest.AppOf(r, "web").Problems {
		if !strings.Contains(p.Message, account) {
			t.Errorf("%s says %q", p.Object, p.Message)
		}
	}

	// It lets go of all of it: what it may not touch stays, and what is its own goes.
	b = hub.Bundle(hub.App(t, "platform"), as(account, hub.App(t, "web", configMap(own, "a", "2"))))
	hub.Publish(t, b)
	hub.Event(t, "letting go", kept(mapRef(foreign, "found")))
	failing(t, hub, b, "web", "moving: delete: the app is applied with the rights of the service account "+account)
	gone(t, cp, mapRef(own, "b"))
	unchanged(t, cp, found, "theirs")
	unchanged(t, cp, moving, "platform's")
	if _, err := cp.Kube().Get(t.Context(), mapRef(foreign, "new")); !testenv.IsNotFound(err) {
		t.Errorf("what it may not make is there: %v", err)
	}

	// Back where it came from the object is the platform's again, and goes with it.
	hub.Apply(t, hub.App(t, "platform", configMap(foreign, "moving", "platform's")), as(account, hub.App(t, "web", configMap(own, "a", "2"))))
	hub.Apply(t, as(account, hub.App(t, "web", configMap(own, "a", "2"))))
	gone(t, cp, mapRef(foreign, "moving"))
	unchanged(t, cp, found, "theirs")
}

func TestDriftOfATenantsAppIsHealedWithItsRights(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own := testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	running := agenttest.Start(t, cp, home, hub)
	b := hub.Bundle(as(account, hub.App(t, "web", configMap(own, "a", "1"))))
	hub.Publish(t, b)
	hub.Healthy(t, b)
	mustPatch(t, cp, mapRef(own, "a"), `{"data":{"key":"other"}}`)
	if err := cp.Kube().Wait(t.Context(), mapRef(own, "a"), "healed", is("1", "data", "key")); err != nil {
		t.Fatal(err)
	}
	running.Stop(t)
	mustDelete(t, cp, testenv.Ref{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding", Namespace: own, Name: "deployer"})
	mustPatch(t, cp, mapRef(own, "a"), `{"data":{"key":"other"}}`)
	agenttest.Start(t, cp, home, hub) // from what is stored it knows whose rights to use
	failing(t, hub, b, "web", account)
	if got := still(t, cp, mapRef(own, "a")).Text("data", "key"); got != "other" {
		t.Errorf("without the right it was made %q", got)
	}
}

func TestAServiceAccountThatDoesNotExistIsNamedWithTheCommand(t *testing.T) {
	t.Parallel()
	cp, _, hub, _ := scene(t)
	own := testenv.NamespaceT(t, cp)
	b := hub.Bundle(as(own+"/deployer", hub.App(t, "web", configMap(own, "a", "1"))))
	hub.Publish(t, b)
	failing(t, hub, b, "web", "does not exist: make it (kubectl create serviceaccount deployer --namespace "+own+")")
	tenant(t, cp, own)
	hub.Healthy(t, b)
}

// The account of an app may go with its namespace, and all that it had.
func TestATenantThatIsGoneAltogetherIsForgotten(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own := testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	running := agenttest.Start(t, cp, home, hub)
	hub.Apply(t, as(account, hub.App(t, "web", configMap(own, "a", "1"))))
	running.Stop(t)
	mustDelete(t, cp, mapRef(own, "a"))
	mustDelete(t, cp, testenv.Ref{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding", Namespace: own, Name: "deployer"})
	agenttest.Start(t, cp, home, hub)
	hub.Publish(t, hub.Bundle())
	hub.Report(t, "no app", func(r protocol.Report) bool { return r.Generation == hub.Generation && len(r.Apps) == 0 })
}

// A role in the account's namespace is all that an agent with a scope needs to impersonate it.
func TestAScopedAgentImpersonates(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own := testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	permit(t, cp, home, home, homeRole)
	permit(t, cp, own, home, scopeRole)
	client, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: tokenOf(t, cp, home, "drover-agent"), TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA}}, agenttest.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	agenttest.StartScoped(t, client, home, hub, own)
	b := hub.Bundle(as(account, hub.App(t, "web", configMap(own, "a", "1"))))
	hub.Publish(t, b)
	failing(t, hub, b, "web", "the agent may not act as the service account "+account)
	permit(t, cp, own, home, scopeRole+"\n- {apiGroups: [\"\"], resources: [serviceaccounts], verbs: [impersonate]}")
	hub.Healthy(t, b)
}

// tokenOf makes a service account, and gives a token for it.
func tokenOf(t *testing.T, cp *testenv.ControlPlane, namespace, name string) string {
	t.Helper()
	_, err := cp.Kube().Apply(t.Context(), "installer", fmt.Sprintf(`
{apiVersion: v1, kind: ServiceAccount, metadata: {name: %[2]s, namespace: %[1]s}}
---
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: {name: %[2]s-token, namespace: %[1]s, annotations: {kubernetes.io/service-account.name: %[2]s}}
`, namespace, name))
	if err != nil {
		t.Fatal(err)
	}
	ref := testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: namespace, Name: name + "-token"}
	if err := cp.Kube().Wait(t.Context(), ref, "a token", func(o testenv.Object) bool { return o.Text("data", "token") != "" }); err != nil {
		t.Fatal(err)
	}
	token, err := base64.StdEncoding.DecodeString(still(t, cp, ref).Text("data", "token"))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func TestAnAppThatNeedsANewerAgentIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	cp, home, hub, running := scene(t)
	own := testenv.NamespaceT(t, cp)
	hub.Apply(t, hub.App(t, "web", configMap(own, "a", "1")), hub.App(t, "other", configMap(own, "b", "1")))
	tomorrow := hub.App(t, "web", configMap(own, "a", "2"))
	tomorrow.Needs = []string{protocol.NeedServiceAccount, "tomorrow"}
	fresh := hub.App(t, "new", configMap(own, "c", "1"))
	fresh.Needs = tomorrow.Needs
	for range 2 {
		b := hub.Bundle(tomorrow, fresh, hub.App(t, "other", configMap(own, "b", "2")))
		hub.Publish(t, b)
		failing(t, hub, b, "web", "it needs an agent that knows tomorrow")
		failing(t, hub, b, "new", "upgrade the agent")
		if err := cp.Kube().Wait(t.Context(), mapRef(own, "b"), "applied", is("2", "data", "key")); err != nil {
			t.Error(err)
		}
		if got := still(t, cp, mapRef(own, "a")).Text("data", "key"); got != "1" {
			t.Errorf("an app that it may not handle was changed to %q", got)
		}
		running.Stop(t)
		running = agenttest.Start(t, cp, home, hub)
	}
}

// What an app may not read, it is told nothing of: whether a ConfigMap of others has a value, a health rule could ask.
func TestATenantChecksOnlyWhatItsAccountMayRead(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own, foreign := testenv.NamespaceT(t, cp), testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	agenttest.Start(t, cp, home, hub)
	mustApply(t, cp, configMap(foreign, "theirs", "1"))
	mustApply(t, cp, configMap(own, "mine", "1"))
	app := as(account, hub.App(t, "web", configMap(own, "a", "1")))
	app.Handling.Checks = []protocol.ObjectRef{{Kind: "ConfigMap", Namespace: foreign, Name: "theirs"}, {Kind: "ConfigMap", Namespace: own, Name: "mine"}}
	b := hub.Bundle(app)
	hub.Publish(t, b)
	r := hub.Report(t, "what it may not read", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return len(a.Problems) == 1 && strings.Contains(a.Problems[0].Message, "it is not looked at: the app is applied with the rights of the service account "+account)
	})
	if at := agenttest.AppOf(r, "web").Problems[0].Object; at.Namespace != foreign {
		t.Errorf("it is said of %s", at)
	}
	if _, err := cp.Kube().Apply(t.Context(), "platform", fmt.Sprintf(`
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader, namespace: %[1]s}, rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: reader, namespace: %[1]s}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}, subjects: [{kind: ServiceAccount, name: deployer, namespace: %[2]s}]}
`, foreign, own)); err != nil {
		t.Fatal(err)
	}
	hub.Healthy(t, b)
}

// An app that cannot be rendered may want what another one has no more; but only one with the same account.
func TestABrokenTenantKeepsNobodyElseFromPruning(t *testing.T) {
	t.Parallel()
	cp, home, hub := stage(t)
	own := testenv.NamespaceT(t, cp)
	account := tenant(t, cp, own)
	agenttest.Start(t, cp, home, hub)
	web := as(account, hub.App(t, "web", configMap(own, "web", "1")))
	hub.Apply(t, web, as(account, hub.App(t, "own", configMap(own, "stays", "1"), configMap(own, "own", "1"))),
		hub.App(t, "platform", configMap(own, "goes", "1"), configMap(own, "platform", "1")))
	web.Error, web.Reason = "teams/a/x.yaml:1: it is no YAML", protocol.ReasonRenderFailed
	b := hub.Bundle(web, as(account, hub.App(t, "own", configMap(own, "own", "1"))), hub.App(t, "platform", configMap(own, "platform", "1")))
	hub.Publish(t, b)
	gone(t, cp, mapRef(own, "goes"))
	hub.Report(t, "the tenant's other app waits", func(r protocol.Report) bool {
		return r.Generation == b.Generation && strings.Contains(agenttest.AppOf(r, "own").Message, "until app web can be rendered again")
	})
	still(t, cp, mapRef(own, "stays"))
}
