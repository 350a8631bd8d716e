//go:build linux

package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// broken are workloads that cannot run on a real node, what people are told of each, and where its app ends. A message is
// one line: what is wrong, why, what to do, and where.
var broken = []struct {
	name, phase string
	kind        string // of the workload; Deployment if it says nothing
	namespace   string // broken if it says nothing
	pod         string // spec of the pod
	says        []string
}{
	{name: "crash", phase: "degraded", pod: fmt.Sprintf("{containers: [{name: web, image: %q, args: [--kubeconfig=/nowhere]}]}", agentImage),
		says: []string{"container web ends again and again with exit code 1 after ", "it wrote: ", "/nowhere", "kubectl logs -n broken crash-", "-c web --previous"}},
	{name: "init", phase: "degraded", pod: fmt.Sprintf("{initContainers: [{name: migrate, image: %q, args: [--nonsense]}], containers: [{name: web, image: %q}]}", agentImage, testenv.PauseImage),
		says: []string{"init container migrate ends again and again with exit code 2"}},
	{name: "image", phase: "waiting", pod: `{containers: [{name: web, image: "registry.invalid/shop/web:1"}]}`,
		says: []string{"the image registry.invalid/shop/web:1 of container web cannot be pulled: failed to do request: ", "check that the node reaches the registry"}},
	{name: "name", phase: "degraded", pod: `{containers: [{name: web, image: "shop/Web:1"}]}`,
		says: []string{"shop/Web:1 of container web is no image name", "correct it in Git"}},
	{name: "never", phase: "degraded", pod: `{containers: [{name: web, image: "shop/web:1", imagePullPolicy: Never}]}`,
		says: []string{"the image shop/web:1 of container web is not on the node"}},
	{name: "place", phase: "waiting", pod: fmt.Sprintf("{nodeSelector: {disk: none}, containers: [{name: web, image: %q}]}", testenv.PauseImage),
		says: []string{"no node takes the pod: 0/2 nodes are available", "correct nodeSelector"}},
	{name: "secret", phase: "waiting", pod: fmt.Sprintf("{containers: [{name: web, image: %q, envFrom: [{secretRef: {name: nowhere}}]}]}", testenv.PauseImage),
		says: []string{`container web cannot be started: secret "nowhere" not found`, "add what is missing to Git"}},
	{name: "volume", phase: "waiting", pod: fmt.Sprintf("{volumes: [{name: etc, configMap: {name: nowhere}}], containers: [{name: web, image: %q, volumeMounts: [{name: etc, mountPath: /etc/web}]}]}", testenv.PauseImage),
		says: []string{"a volume of the pod cannot be mounted", `configmap "nowhere" not found`}},
	{name: "probe", phase: "waiting", pod: fmt.Sprintf("{containers: [{name: web, image: %q, readinessProbe: {tcpSocket: {port: 1}, periodSeconds: 1}}]}", testenv.PauseImage),
		says: []string{"container web runs and is not ready: Readiness probe failed: ", "correct the probe in Git"}},
	{name: "policy", phase: "degraded", namespace: "strict", pod: fmt.Sprintf("{containers: [{name: web, image: %q}]}", testenv.PauseImage),
		says: []string{`its pods are refused by the namespace's Pod Security level: violates PodSecurity "restricted`}},
	{name: "ordered", phase: "degraded", kind: "StatefulSet", namespace: "strict", pod: fmt.Sprintf("{containers: [{name: web, image: %q}]}", testenv.PauseImage),
		says: []string{`its pods are refused by the namespace's Pod Security level: violates PodSecurity "restricted`}},
	{name: "daemon", phase: "degraded", kind: "DaemonSet", pod: fmt.Sprintf("{containers: [{name: web, image: %q, args: [--nonsense]}]}", agentImage),
		says: []string{"container web ends again and again with exit code 2", " and 1 more)"}},
	{name: "job", phase: "degraded", kind: "Job", pod: fmt.Sprintf("{restartPolicy: Never, containers: [{name: migrate, image: %q, args: [--nonsense]}]}", agentImage),
		says: []string{"it failed (BackoffLimitExceeded)", "container migrate failed with exit code 2: it wrote: "}},
	{name: "well", phase: "healthy", pod: fmt.Sprintf("{containers: [{name: web, image: %q}]}", testenv.PauseImage)},
}

// TestBrokenWorkloadsSayWhy breaks workloads as people do, on real nodes, and reads what `drover status` says.
func TestBrokenWorkloadsSayWhy(t *testing.T) {
	s := newScene(t)
	s.install()
	s.settled(patience)
	tree := "-- apps/spaces/objects.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {name: broken}\n---\napiVersion: v1\nkind: Namespace\nmetadata: " +
		"{name: strict, labels: {pod-security.kubernetes.io/enforce: restricted}}\n-- clusters/edge/spaces.yaml --\n" + appFile("spaces", "")
	for _, b := range broken {
		tree += fmt.Sprintf("-- clusters/edge/%[1]s.yaml --\n%[2]s-- apps/%[1]s/objects.yaml --\n%[3]s", b.name, appFile(b.name, "spaces"), workload(b.name, b.kind, b.namespace, b.pod))
	}
	s.repo.WriteTree(tree)
	s.commit("what cannot run")
	for _, b := range broken {
		t.Run(b.name, func(t *testing.T) {
			outer := s.t
			s.t = t
			defer func() { s.t = outer }()
			took := s.within(patience, b.name+" says why", func() (bool, string) {
				phase, message := s.app(b.name)
				missing := slices.ContainsFunc(b.says, func(part string) bool { return !strings.Contains(message, part) })
				return phase == b.phase && !missing, phase + ": " + message
			})
			_, message := s.app(b.name)
			t.Logf("%s after %s: %s", b.phase, took.Round(100*time.Millisecond), message)
			if strings.ContainsAny(message, "\n\r\t") {
				t.Errorf("the message is not one line: %q", message)
			}
		})
	}
	out, _, _ := s.drover("status", cluster) // it fails where something is degraded
	t.Logf("drover status %s:\n%s", cluster, out)
}

func appFile(name, after string) string {
	text := fmt.Sprintf("apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: %s}\nspec:\n  path: apps/%[1]s\n", name)
	if after != "" {
		text += fmt.Sprintf("  dependsOn: [%s]\n", after)
	}
	return text
}

func workload(name, kind, namespace, pod string) string {
	if namespace == "" {
		namespace = "broken"
	}
	template := fmt.Sprintf("selector: {matchLabels: {app: %[1]s}}, template: {metadata: {labels: {app: %[1]s}}, spec: %[2]s}", name, pod)
	version := "apps/v1"
	switch kind {
	case "":
		kind = "Deployment"
	case "StatefulSet":
		template += ", serviceName: " + name
	case "Job":
		version, template = "batch/v1", fmt.Sprintf("backoffLimit: 0, template: {spec: %s}", pod)
	}
	return fmt.Sprintf("apiVersion: %s\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", version, kind, name, namespace, template)
}

// app is what `drover status` says of an app.
func (s *scene) app(name string) (phase, message string) {
	out, _, _ := s.drover("status", cluster, "--output", "json")
	var d struct {
		AppRows []struct{ Name, Phase, Message string }
	}
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		return "", err.Error()
	}
	for _, a := range d.AppRows {
		if a.Name == name {
			return a.Phase, a.Message
		}
	}
	return "", "it is not there"
}
