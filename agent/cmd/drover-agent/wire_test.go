package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// Any pod of the cluster may ask: the answer tells who leads no more than it tells what troubles it.
func TestReadinessTellsNothingOfTheCluster(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wiring{listener: listener, log: slog.New(slog.DiscardHandler)}
	defer w.serve()()
	ask := func() (int, string) {
		resp, err := http.Get("http://" + listener.Addr().String() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, strings.TrimSpace(string(text))
	}
	if code, text := ask(); code != http.StatusServiceUnavailable || text != "not ready" {
		t.Errorf("before it is admitted: %d %q", code, text)
	}
	w.admitted.Store(true)
	if code, text := ask(); code != http.StatusOK || text != "ok" {
		t.Errorf("when it is admitted: %d %q", code, text)
	}
}

func TestAnOlderManifestIsReported(t *testing.T) {
	t.Parallel()
	pod := &wiring{flags: flags{podName: "drover-agent-x"}}
	if text := pod.outdated(); !strings.Contains(text, "drover agent install") {
		t.Errorf("a pod with all rights says %q", text)
	}
	if text := (&wiring{}).outdated(); text != "" {
		t.Errorf("an agent that is no pod says %q", text)
	}
}
