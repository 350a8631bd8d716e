package agent_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

// The API server asks the node for a log, so this one has a node that answers.
func TestFailedHookShowsTheEndOfItsLog(t *testing.T) {
	t.Parallel()
	cp, ns, hub := stage(t)
	asked := make(chan string, 8)
	node := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		for i := range 40 {
			_, _ = fmt.Fprintf(w, "line %d of the migration %s\n", i, strings.Repeat("x", 60)) // to a client that may be gone
		}
	}))
	node.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	node.StartTLS()
	t.Cleanup(node.Close)
	name := ns + "-node"
	if _, err := cp.Kube().Apply(t.Context(), "test", fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":%q},"spec":{"taints":[{"key":"log","effect":"NoSchedule"}]}}`, name)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cp.Kube().Delete(context.WithoutCancel(t.Context()), testenv.Ref{APIVersion: "v1", Kind: "Node", Name: name}) // the control plane goes anyway
	})
	patchStatus(t, cp, "/api/v1/nodes/"+name, fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":"127.0.0.1"}],
		"daemonEndpoints":{"kubeletEndpoint":{"Port":%d}}}}`, node.Listener.Addr().(*net.TCPAddr).Port))
	agenttest.Start(t, cp, ns, hub)
	job := strings.Replace(hookJob(ns, "migrate", "PreSync", fails), "{restartPolicy", "{nodeName: "+name+", restartPolicy", 1)
	hub.Publish(t, hub.Bundle(hub.App(t, "shop", job, configMap(ns, "a", "1"))))
	r := hub.Report(t, "the failed hook", func(r protocol.Report) bool { return agenttest.PhaseOf(r, "shop") == protocol.PhaseFailed })
	got := agenttest.AppOf(r, "shop").Message
	if !strings.Contains(got, "the end of its log:\n") || !strings.Contains(got, "line 39 of the migration") || len(got) > 3000 {
		t.Errorf("the app says %q", got)
	}
	if url := <-asked; !strings.Contains(url, "/containerLogs/"+ns+"/migrate-") || !strings.Contains(url, "tailLines=10") || len(asked) > 0 {
		t.Errorf("the node was asked for %s, and %d times more", url, len(asked))
	}
}

// patchStatus does as a node does that reports.
func patchStatus(t *testing.T, cp *testenv.ControlPlane, path, patch string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cp.CA)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, cp.URL+path+"/status", strings.NewReader(patch))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+cp.Token)
	req.Header.Set("Content-Type", "application/merge-patch+json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the status of %s was not taken: %s", path, resp.Status)
	}
}
