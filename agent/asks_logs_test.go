package agent_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// logNode registers a node whose kubelet serves the output of containers, and nothing else.
func logNode(t *testing.T, cp *testenv.ControlPlane, name string, serve http.HandlerFunc) {
	t.Helper()
	kubelet := httptest.NewTLSServer(serve)
	t.Cleanup(kubelet.Close)
	port := kubelet.Listener.Addr().(*net.TCPAddr).Port
	node := testenv.Ref{APIVersion: "v1", Kind: "Node", Name: name}
	_, err := cp.Kube().Apply(t.Context(), "kubelet", fmt.Sprintf("apiVersion: v1\nkind: Node\nmetadata: {name: "+
		"%s}\nspec: {unschedulable: true}\n", name))
	if err == nil {
		_, err = cp.Kube().PatchStatus(t.Context(), node, fmt.Sprintf(
			`{"status":{"addresses":[{"type":"InternalIP","address":"127.0.0.1"}],
			"daemonEndpoints":{"kubeletEndpoint":{"Port":%d}}}}`, port))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Kube().Delete(t.Context(), node) })
}

// What containers write comes through the API server, as it is written, until nobody listens any more.
func TestLogsAreStreamedAndStopped(t *testing.T) {
	t.Parallel()
	cp, _, hub := answering(t)
	other := testenv.NamespaceT(t, cp)
	ended := make(chan struct{}, 1)
	logNode(t, cp, other+"-node", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if !strings.HasPrefix(r.URL.Path, "/containerLogs/"+other+"/web/") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = fmt.Fprintf(w, "%s tail=%s previous=%s\nbad \xff byte\n", r.URL.Path, q.Get("tailLines"), q.Get("previous"))
		if q.Get("follow") != "true" {
			_, _ = fmt.Fprint(w, strings.Repeat("x", 40<<10)) // one long line, without an end
			return
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		ended <- struct{}{}
	})
	hub.Publish(t, hub.Bundle(hub.App(t, "shop",
		fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":%q},
		"spec":{"nodeName":%q,"tolerations":[{"operator":"Exists"}],"containers":[
		{"name":"app","image":"example/app"},{"name":"side","image":"example/side"}]}}`,
			other, other+"-node"))))
	hub.Report(t, "the pod is applied", func(r protocol.Report) bool {
		return len(r.Apps) == 1 && r.Apps[0].Objects == 1 && r.Apps[0].Phase != protocol.PhasePending
	})
	var text []string
	for _, l := range lines[protocol.LogLine](t, hub, protocol.Question{Kind: protocol.QuestionLogs, App: "shop",
		Container: "app", Tail: 7, Previous: true}) {
		if l.Pod != "web" || l.Container != "app" || l.Problem != "" {
			t.Errorf("a line is of %s/%s: %s", l.Pod, l.Container, l.Problem)
		}
		text = append(text, l.Text)
	}
	if len(text) < 3 || text[0] != "/containerLogs/"+other+"/web/app tail=7 previous=true" ||
		text[1] != "bad \ufffd byte" ||
		strings.Join(text[2:], "") != strings.Repeat("x", 40<<10) {
		t.Errorf("the output is %d lines, beginning with %.200q", len(text), text)
	}
	got, stop := agenttest.Follow(t, hub, protocol.Question{Kind: protocol.QuestionLogs, App: "shop", Resource: "pod",
		Name: "web", Container: "side", Follow: true},
		"bad \ufffd byte")
	if !strings.Contains(got, "/web/side") {
		t.Errorf("what is followed is %q", got)
	}
	stop()
	select {
	case <-ended:
	case <-time.After(90 * time.Second):
		t.Error("the agent goes on reading for nobody")
	}
}
