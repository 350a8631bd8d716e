package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// logged is what a program has logged so far.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// says waits until the program has logged want.
func (p *process) says(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); !strings.Contains(p.log.String(), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the agent did not log %q", want)
		}
	}
}

// readyz waits until the program answers with want in it.
func readyz(t *testing.T, port int, want string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", port))
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if last = string(body); resp.StatusCode == http.StatusOK && strings.Contains(last, want) {
			return
		}
	}
	t.Fatalf("timed out waiting for /readyz to say %q; it says %q", want, last)
}

func TestProcessSaysHowToJoinAndJoins(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	hub := agenttest.NewHub(t, "east-1")
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	missing := filepath.Join(t.TempDir(), "join.json")
	p := start(t, cp, hub, ns, "one", "--join", missing, "--listen", listen)
	p.says(t, "drover agent manifest --cluster NAME")
	readyz(t, port, "ok\n")
	p.stop(t)
	p = start(t, cp, hub, ns, "one", "--listen", listen)
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	if r.Agent.Image != image || r.Agent.Trust != hub.Trust().ID() || r.Agent.Expires.IsZero() {
		t.Errorf("the report says %+v", r.Agent)
	}
	readyz(t, port, "ok\n")
	hub.Revoke(t)
	p.says(t, "drover agent manifest --cluster east-1 --replace")
	readyz(t, port, "ok\n")
	p.kill(t)
	if strings.Contains(p.log.String(), seedOf(t, cp, ns)) {
		t.Error("the log tells the seed")
	}
}

// seedOf is the secret that an agent keeps in its Secret.
func seedOf(t *testing.T, cp *testenv.ControlPlane, ns string) string {
	t.Helper()
	secret, err := cp.Kube().Get(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Secret", Namespace: ns, Name: "drover-credential"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(secret.Text("data", "credential.json"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := protocol.DecodeCredential(data)
	if err != nil {
		t.Fatal(err)
	}
	return c.Seed
}
