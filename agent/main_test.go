package agent_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/test/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithControllers(), testenv.WithNodes(2), testenv.WithAudit())
}

// scene is where most tests begin: a namespace of the shared control plane, and a hub of the test's own whose agent keeps
// its state there. edit may change what the agent is made of.
func scene(t *testing.T, edit ...func(*deliver.Config)) (
	cp *testenv.ControlPlane, ns string, hub *agenttest.Hub, running *agenttest.Running,
) {
	t.Helper()
	cp, ns, hub = stage(t)
	return cp, ns, hub, agenttest.Start(t, cp, ns, hub, edit...)
}

// stage is a scene before the agent is there.
func stage(t *testing.T) (cp *testenv.ControlPlane, ns string, hub *agenttest.Hub) {
	t.Helper()
	cp = testenv.Shared(t)
	return cp, testenv.NamespaceT(t, cp), agenttest.NewHub(t, "east-1")
}

// requests gives what the agent with its state in a namespace has asked of the API server. An entry of the audit log is
// written just after its answer, so what is counted has to stay the same for a moment.
func requests(t *testing.T, cp *testenv.ControlPlane, ns string) testenv.Requests {
	t.Helper()
	count := func() testenv.Requests {
		r, err := cp.RequestsOf(ns)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	last := count()
	for deadline := time.Now().Add(time.Minute); ; {
		<-time.After(50 * time.Millisecond)
		now := count()
		if now.Total() == last.Total() {
			return now
		}
		if last = now; time.Now().After(deadline) {
			t.Fatalf("the agent does not rest:\n%s", now)
		}
	}
}

// applies counts the server-side applies of the agent with its state in a namespace.
func applies(t *testing.T, cp *testenv.ControlPlane, ns string) int {
	t.Helper()
	return requests(t, cp, ns).Total(testenv.Verb("APPLY"))
}

// configMap is the simplest object there is.
func configMap(namespace, name, value string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q,"namespace":%q},"data":{"key":%q}}`, name, namespace, value)
}

func deployment(namespace, name string, replicas int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[2]s, namespace: %[1]s}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app: %[2]s}}
  template:
    metadata: {labels: {app: %[2]s}}
    spec: {containers: [{name: main, image: example.com/app:1}]}
`, namespace, name, replicas)
}

func mapRef(namespace, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name}
}

func deploymentRef(namespace, name string) testenv.Ref {
	return testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: namespace, Name: name}
}

// noise is text that does not compress well.
func noise(t *testing.T, n int) string {
	t.Helper()
	raw := make([]byte, n*3/4)
	if _, err := rand.Read(raw); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// stateSecrets are the names of the Secrets that hold an agent's state.
func stateSecrets(t *testing.T, cp *testenv.ControlPlane, ns string) (names []string) {
	t.Helper()
	list, err := cp.Kube().List(t.Context(), "v1", "Secret", ns, url.Values{"labelSelector": {"drover.dev/state"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		names = append(names, o.Ref().Name)
	}
	return names
}

// eventually waits until cond holds.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// deleteAfter deletes an object of the whole cluster when the test ends.
func deleteAfter(t *testing.T, cp *testenv.ControlPlane, ref testenv.Ref) {
	t.Cleanup(func() {
		if err := cp.Kube().Delete(context.Background(), ref); err != nil && !testenv.IsNotFound(err) { // the test's own context has ended
			t.Error(err)
		}
	})
}
