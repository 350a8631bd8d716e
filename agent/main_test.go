package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/test/testenv"
)

func TestMain(m *testing.M) {
	testenv.Main(m, testenv.WithControllers(), testenv.WithNodes(2), testenv.WithAudit())
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
