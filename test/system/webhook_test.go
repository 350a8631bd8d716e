package system

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
)

// A hub that would ask the repository again in an hour resolves a commit when it is told of it by a webhook, and not
// when the secret does not fit.
func TestAWebhookHasTheHubLook(t *testing.T) {
	t.Parallel()
	const secret = "It is a secret of the hub"
	dir := t.TempDir()
	repo, err := testenv.NewGitRepo(filepath.Join(dir, "fleet"))
	if err != nil {
		t.Fatal(err)
	}
	commit := func(message string) {
		repo.Write("clusters/edge/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: "+
			"{message: "+message+"}\n")
		if _, err := repo.Commit(message); err != nil {
			t.Fatal(err)
		}
	}
	commit("first")
	server, err := testenv.ServeGit(repo)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	secrets := filepath.Join(dir, "secrets")
	if err := os.WriteFile(secrets, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data, api := filepath.Join(dir, "data"), freeAddr(t)
	drover := filepath.Join(testenv.ProgramsT(t), "drover")
	start(t, []string{"DROVER_DATA_DIR=" + data}, drover, "hub", "--repo", server.URL, "--poll-interval", "1h",
		"--listen", api, "--nats-listen", freeAddr(t), "--webhook-secrets", secrets)
	status := func() string {
		cmd := exec.Command(drover, "status")
		cmd.Env = append(os.Environ(), "DROVER_DATA_DIR="+data)
		out, _ := cmd.CombinedOutput() // it fails while the hub starts
		return string(out)
	}
	comes := func(message string) {
		t.Helper()
		for deadline := time.Now().Add(patience); !strings.Contains(status(), `"`+message+`", resolved`); {
			if time.Now().After(deadline) {
				t.Fatalf("the hub does not come to %q:\n%s", message, status())
			}
		}
	}
	comes("first")
	commit("second")
	body := `{"ref":"refs/heads/main","repository":{"clone_url":"` + server.URL + `"}}`
	push := func(secret string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+api+"/webhook/github",
			strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		m := hmac.New(sha256.New, []byte(secret))
		m.Write([]byte(body))
		req.Header.Set("X-GitHub-Event", "push")
		req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(m.Sum(nil)))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Fatalf("a webhook is answered %s, not %d", resp.Status, want)
		}
	}
	push("It's no Secret", http.StatusUnauthorized)
	time.Sleep(500 * time.Millisecond) // for a look that should not be
	if !strings.Contains(status(), `"first", resolved`) {
		t.Errorf("a webhook whose secret does not fit is followed:\n%s", status())
	}
	push(secret, http.StatusOK)
	comes("second")
}
