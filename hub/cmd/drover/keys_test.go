package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/nats/keyring"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// drover runs the command line, and gives what it says and its exit code.
func drover(t *testing.T, args ...string) (said string, code int) {
	t.Helper()
	var out bytes.Buffer
	code = run(t.Context(), args, &out, &out)
	return out.String(), code
}

// wants runs the command line, and checks its exit code and a part of what it says.
func wants(t *testing.T, code int, part string, args ...string) {
	t.Helper()
	if said, got := drover(t, args...); got != code || !strings.Contains(said, part) {
		t.Errorf("drover %s: exit code %d, want %d, and %q in: %s", strings.Join(args, " "), got, code, part, said)
	}
}

func TestAKeyIsKeptWhileClustersDoNotTrustTheNextOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := must(keyring.Open(filepath.Join(dir, "keys")))
	var answer api.Trust // of the hub that runs
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(answer) }))
	defer s.Close()
	answer.Trust, answer.Clusters = must(keys.Trust([]string{"tls://hub:4222"}, keys.CA())), 3

	wants(t, exitBad, "begin with `drover hub keys rotate signing`", "hub", "keys", "finish", "signing", "--data-dir", dir)
	wants(t, exitFine, "Restart the hub", "hub", "keys", "rotate", "signing", "--data-dir", dir)
	wants(t, exitBad, "cannot be told", "hub", "keys", "finish", "signing", "--data-dir", dir)
	if err := writeClientFile(dir, clientInfo{URL: s.URL, Token: "token"}); err != nil {
		t.Fatal(err)
	}
	wants(t, exitBad, "does not use the next one yet: restart it", "hub", "keys", "finish", "signing", "--data-dir", dir)
	wants(t, exitFine, "does not use the next signing key yet", "hub", "keys", "--data-dir", dir)
	keys = must(keyring.Open(filepath.Join(dir, "keys")))
	answer.Trust = must(keys.Trust([]string{"tls://hub:4222"}, keys.CA()))
	answer.Behind = []string{"far", "lost"}
	wants(t, exitBad, "far, lost did not report", "hub", "keys", "finish", "signing", "--data-dir", dir)
	wants(t, exitFine, "1 of 3 clusters", "hub", "keys", "--data-dir", dir)
	if keys = must(keyring.Open(filepath.Join(dir, "keys"))); !keys.Rotating(keyring.Signing) {
		t.Fatal("the old key is gone though it was kept")
	}
	answer.Behind = nil
	wants(t, exitFine, "is gone. Restart the hub", "hub", "keys", "finish", "signing", "--data-dir", dir)

	answer.Behind = []string{"lost"}
	wants(t, exitFine, "", "hub", "keys", "rotate", "ca", "--data-dir", dir)
	wants(t, exitFine, "is gone. Restart the hub", "hub", "keys", "finish", "ca", "--data-dir", dir, "--force")
	wants(t, exitFine, "external NATS servers", "hub", "keys", "rotate", "operator", "--data-dir", dir)
	wants(t, exitFine, "external NATS servers", "hub", "keys", "finish", "operator", "--data-dir", dir) // clusters do not know it
	wants(t, exitUsage, "signing, ca, operator, account, fleet", "hub", "keys", "rotate", "tenant", "--data-dir", dir)
	wants(t, exitBad, "there are no keys of a hub", "hub", "keys", "rotate", "ca", "--data-dir", t.TempDir())
}

func TestNATSConfigWritesAFolderForEachServer(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	args := []string{"hub", "nats-config", "--data-dir", dir, "--cluster", "main", "--node", "n0=10.0.0.1", "--node", "n1=10.0.0.2:7222",
		"--node", "n2=nats.example.com", "--websocket", "0.0.0.0:443", "--out", out}
	wants(t, exitFine, "They hold keys", args...)
	conf := string(must(os.ReadFile(filepath.Join(out, "n0", "nats.conf"))))
	for _, part := range []string{`routes: ["tls://10.0.0.2:7222", "tls://nats.example.com:6222"]`, `listen: "0.0.0.0:443"`, "type: full"} {
		if !strings.Contains(conf, part) {
			t.Errorf("the configuration lacks %s:\n%s", part, conf)
		}
	}
	for _, name := range []string{"n1/nats.conf", "n1/ca.crt", "n1/server.crt", "n2/server.key"} {
		info, err := os.Stat(filepath.Join(out, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	wants(t, exitBad, "is there already", args...)
	wants(t, exitFine, "They hold keys", append(args, "--force")...)
	if printed, _ := drover(t, "hub", "nats-config", "--data-dir", dir); strings.Contains(printed, "PRIVATE KEY") || !strings.Contains(printed, "jetstream") {
		t.Errorf("printed is %s", printed)
	}
	for _, bad := range [][]string{
		{"--cluster", "main", "--node", "n0=a"},
		{"--node", "n0=a", "--node", "n1=b"},
		{"--node", "n0"},
		{"--node", "../n0=a"},
		{"--node", "n0=a:x"},
		{"--node", "n0=a\"b"},
		{"--leaf", "far=a"},
		{"--leaf", "far=a", "--upstream", "ws://b:1"},
		{"--upstream", "tls://b:7422"},
		{"--leafnodes", "7422"},
	} {
		wants(t, exitUsage, "", append([]string{"hub", "nats-config", "--data-dir", dir}, bad...)...)
	}
}

func TestFlagsThatDoNotFitTogetherAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		says string
		args []string
	}{
		{"belong together", []string{"--tls-cert", "x"}},
		{"give that too", []string{"--tls-ca", "x"}},
		{"--nats-url", []string{"--nats-replicas", "3"}},
		{"--nats-url", []string{"--nats-ca", "x"}},
		{"replaces", []string{"--nats-url", "tls://a", "--nats-websocket", ":443"}},
		{"TLS only", []string{"--advertise", "ws://a"}},
		{"TLS only", []string{"--nats-url", "tls://a,http://b"}},
		{"no URL", []string{"--advertise", "hub.example.com"}},
	} {
		wants(t, exitUsage, tc.says, append([]string{"hub", "--repo", "none", "--data-dir", t.TempDir()}, tc.args...)...)
	}
	wants(t, exitBad, "agents and the hub connect with TLS only: the URL is taken as tls://a", "hub", "--repo", "none",
		"--data-dir", "/dev/null/none", "--advertise", "nats://a")
}
