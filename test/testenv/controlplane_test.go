package testenv

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// web is a Deployment of three pods, whose image can be exchanged.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: NAMESPACE}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: IMAGE}]}
`

// within bounds a wait; it is far beyond what is usual, so that a busy machine fails no test.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestDeploymentBecomesAvailable(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ns := NamespaceT(t, cp)
	apply(t, cp, web, "NAMESPACE", ns, "IMAGE", "example.com/web:1")
	deployment := Ref{"apps/v1", "Deployment", ns, "web"}
	if err := cp.Kube().Wait(within(t), deployment, "available", Available); err != nil {
		t.Fatal(err)
	}
	pods, err := cp.Kube().List(t.Context(), "v1", "Pod", ns, nil)
	if err != nil {
		t.Fatal(err)
	}
	nodes := map[string]bool{}
	for _, pod := range pods {
		nodes[pod.Text("spec", "nodeName")] = true
	}
	if len(pods) != 3 || len(nodes) != 2 {
		t.Errorf("%d pods on %d nodes; want 3 on 2", len(pods), len(nodes))
	}

	apply(t, cp, web, "NAMESPACE", ns, "IMAGE", "registry.invalid/web:2")
	err = cp.Kube().Wait(within(t), deployment, "in trouble", func(o Object) bool {
		return o.Number("status", "unavailableReplicas") > 0 && !Available(o)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDaemonSetRunsOnEveryNode(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ns := NamespaceT(t, cp)
	apply(t, cp, `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: NAMESPACE}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: agent, image: example.com/agent}]}
`, "NAMESPACE", ns)
	err := cp.Kube().Wait(within(t), Ref{"apps/v1", "DaemonSet", ns, "agent"}, "ready on two nodes", func(o Object) bool {
		return Available(o) && o.Number("status", "numberReady") == 2
	})
	if err != nil {
		t.Error(err)
	}
}

func TestJobsEnd(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ns := NamespaceT(t, cp)
	for command, want := range map[string]string{"true": "Complete", "false": "Failed"} {
		apply(t, cp, `
apiVersion: batch/v1
kind: Job
metadata: {name: job-COMMAND, namespace: NAMESPACE}
spec:
  backoffLimit: 0
  template:
    spec: {restartPolicy: Never, containers: [{name: job, image: example.com/job, command: ["COMMAND"]}]}
`, "NAMESPACE", ns, "COMMAND", command)
		err := cp.Kube().Wait(within(t), Ref{"batch/v1", "Job", ns, "job-" + command}, want, func(o Object) bool { return o.Condition(want) })
		if err != nil {
			t.Error(err)
		}
	}
}

func TestDeletedNamespaceGoesWithItsPods(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ns := NamespaceT(t, cp)
	apply(t, cp, web, "NAMESPACE", ns, "IMAGE", "example.com/web:1")
	if err := cp.Kube().Wait(within(t), Ref{"apps/v1", "Deployment", ns, "web"}, "available", Available); err != nil {
		t.Fatal(err)
	}
	if err := cp.Kube().Delete(t.Context(), namespace(ns)); err != nil {
		t.Fatal(err)
	}
	if err := cp.Kube().Wait(within(t), namespace(ns), "gone", Gone); err != nil {
		t.Error(err)
	}
}

func TestWaitTellsWhatItSaw(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err := cp.Kube().Wait(ctx, namespace("default"), "gone", Gone)
	if err == nil || !strings.Contains(err.Error(), "Namespace default: gone") || !strings.Contains(err.Error(), `"name":"default"`) {
		t.Errorf("got %v; want an error with the condition and the object", err)
	}
}

func TestVersionIsToldAndStrangersAreNot(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	text, err := cp.Kube().Raw(t.Context(), "/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"gitVersion": "v1.`) {
		t.Errorf("version is %s", text)
	}
	if _, err := NewKube(cp.URL, cp.CA, "wrong").Raw(t.Context(), "/api/v1/namespaces", nil); err == nil {
		t.Error("a wrong token was let in")
	}
	if resp, err := http.Get(cp.URL); err == nil {
		resp.Body.Close()
		t.Error("the certificate is trusted without the authority of the control plane")
	}
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	resp, err := insecure.Get(cp.URL + "/api/v1/secrets")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode < 400 {
		t.Errorf("a stranger reads secrets: %s", resp.Status)
	}
}

func TestServiceAccountHasOnlyItsOwnRights(t *testing.T) {
	t.Parallel()
	cp := Shared(t)
	ns := NamespaceT(t, cp)
	account := Ref{"v1", "ServiceAccount", ns, "default"}
	if err := cp.Kube().Wait(within(t), account, "exists", Exists); err != nil {
		t.Fatal(err)
	}
	file, err := cp.ServiceAccountKubeconfig(t.Context(), ns, "default")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	config, err := Objects(string(text))
	if err != nil {
		t.Fatal(err)
	}
	kube := NewKube(cp.URL, cp.CA, config[0].Items("users")[0].Text("user", "token"))
	if _, err := kube.List(t.Context(), "v1", "Secret", ns, nil); err == nil || !strings.Contains(err.Error(), "system:serviceaccount:"+ns+":default") {
		t.Errorf("got %v; want a refusal that names the account", err)
	}
}

func TestTwoControlPlanesShareNothingButEtcd(t *testing.T) {
	t.Parallel()
	a, b := ControlPlaneT(t), ControlPlaneT(t)
	if a.Etcd() != b.Etcd() {
		t.Error("they have an etcd each")
	}
	made := NamespaceT(t, a)
	if _, err := b.Kube().Get(t.Context(), namespace(made)); !IsNotFound(err) {
		t.Errorf("got %v; want that the other control plane does not know the namespace", err)
	}
	if _, err := NewKube(b.URL, a.CA, b.Token).Raw(t.Context(), "/readyz", nil); err == nil {
		t.Error("one's authority vouches for the other")
	}
}

func TestAPIServerComesBackWithItsObjects(t *testing.T) {
	t.Parallel()
	cp := ControlPlaneT(t)
	made := NamespaceT(t, cp)
	cp.StopAPIServer()
	if _, err := cp.Kube().Get(t.Context(), namespace(made)); err == nil {
		t.Fatal("the API server answers although it was stopped")
	}
	if err := cp.StartAPIServer(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := cp.Kube().Get(t.Context(), namespace(made)); err != nil {
		t.Error(err)
	}
}

// apply applies a manifest in which the first of each pair of words is replaced by the second.
func apply(t *testing.T, cp *ControlPlane, manifest string, words ...string) {
	t.Helper()
	if _, err := cp.Kube().Apply(t.Context(), "test", strings.NewReplacer(words...).Replace(manifest)); err != nil {
		t.Fatal(err)
	}
}
