package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/webhook"
	"github.com/drover-dev/drover/internal/race"
)

const (
	older  = "an older secret of the hub"
	secret = "0123456789abcdef-secret"
)

// send sends a webhook in the generic form, and gives the answer.
func send(t *testing.T, to, kind, body, secret string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to+"/webhook/"+kind, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	req.Header.Set("X-Drover-Signature-256", "sha256="+hex.EncodeToString(m.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(answer))
}

// serve serves the API with webhooks.
func serve(t *testing.T, h api.Webhooks) string {
	t.Helper()
	s := &api.Server{State: hub.New("/fleet").State(), Webhooks: h, Token: "the-token", Log: slog.New(slog.DiscardHandler)}
	server := httptest.NewUnstartedServer(s.Handler())
	api.Limit(server.Config)
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func secrets(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestAPushIsNoticedByItsWebhook: with a real server of Git, and a hub that would ask it again in ten minutes.
func TestAPushIsNoticedByItsWebhook(t *testing.T) {
	t.Parallel()
	server := gittest.Serve(t)
	repo := gittest.New(t)
	repo.Write("a.txt", "1")
	first := repo.Commit()
	url := server.Push(repo, "fleet.git")
	log, _ := gittest.Logger()
	source, err := git.Open(git.Options{URL: url, Branch: "main", Dir: t.TempDir(), PollInterval: 10 * time.Minute,
		Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	f := fetch.NewFollower(t.TempDir(), func(s model.Source, dir string) (fetch.Remote, error) {
		return git.NewRemote(git.Options{URL: s.URL, Branch: s.Branch, Dir: dir, Log: log})
	}, 10*time.Minute, log)
	defer f.Close()
	h, err := Open(secrets(t, "# of the spring\n"+older+"\n\n"+secret+"\n"), "", []string{url}, source.Poke, f, log)
	if err != nil {
		t.Fatal(err)
	}
	to := serve(t, h)

	if snap, err := source.Next(t.Context(), ""); err != nil || snap.Revision().Hash != first {
		t.Fatalf("the first commit: %v", err)
	}
	beside := model.Source{Kind: model.SourceGit, URL: url, Branch: "main"}
	followed := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; time.Sleep(time.Millisecond) {
			view, err := f.View(t.Context(), beside)
			if err == nil && view.Revision().Hash == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the source beside the repository is not at %s: %v", want, err)
			}
			select {
			case <-f.Moved():
			default:
			}
		}
	}
	followed(first)

	repo.Write("a.txt", "2")
	second := repo.Commit()
	server.Push(repo, "fleet.git")
	asked := server.Requests.Load()
	said := `{"repository":"ssh://git@` + strings.TrimPrefix(url, "http://") + `","ref":"refs/heads/main","commit":"` +
		second + `"}`
	for _, x := range []struct {
		what, body, secret string
		status             int
	}{
		{"of another secret", said, "not the secret of it", http.StatusUnauthorized},
		{"of another repository", strings.ReplaceAll(said, "fleet.git", "shop.git"), secret, http.StatusOK},
		{"that is no JSON", said[1:], secret, http.StatusBadRequest},
	} {
		if status, text := send(t, to, "generic", x.body, x.secret); status != x.status {
			t.Errorf("a webhook %s: %d %s", x.what, status, text)
		}
	}
	time.Sleep(50 * time.Millisecond) // for a look that should not be
	if server.Requests.Load() != asked {
		t.Error("a webhook that is not taken has the repository looked at")
	}
	began := time.Now()
	if status, text := send(t, to, "generic", said, older); status != http.StatusOK ||
		text != "the repository is looked at" {
		t.Fatalf("a webhook: %d %s", status, text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), race.Patience(90*time.Second))
	defer cancel()
	if snap, err := source.Next(ctx, first); err != nil || snap.Revision().Hash != second {
		t.Fatalf("the second commit: %v", err)
	}
	t.Logf("noticed after %s", time.Since(began))
	followed(second)
	counts := h.Counts()
	if len(counts) != 1 || counts[0].Taken != 2 || counts[0].Refused != 2 || counts[0].Why == "" {
		t.Errorf("counted %+v", counts)
	}
}

func TestManyWebhooksAreFewLooks(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	h := New(func() ([]string, error) { return []string{secret}, nil },
		func(webhook.Event) int { looks.Add(1); return 1 }, slog.New(slog.DiscardHandler))
	to := serve(t, h)
	began := time.Now()
	const many = 200
	for range many {
		if status, text := send(t, to, "generic", `{"repository":"https://git.example.com/fleet"}`, secret); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	most := int64(time.Since(began)/lookPause) + 2
	if n := looks.Load(); n < 1 || n > most {
		t.Errorf("%d webhooks within %s are %d looks", many, time.Since(began), n)
	}
	// What came last is looked at, too: its commit may be newer than the look before.
	want := looks.Load() + 1
	if time.Since(began) > lookPause {
		want = 2
	}
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); looks.Load() < want; time.Sleep(
		10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the last webhook is not looked at")
		}
	}
}

func TestWhatAHubDoesNotTakeSaysWhy(t *testing.T) {
	t.Parallel()
	if status, text := send(t, serve(t, nil), "github", "{}", secret); status != 404 || !strings.Contains(text,
		"--webhook-secrets") {
		t.Errorf("a hub without secrets: %d %s", status, text)
	}
	var log bytes.Buffer
	file := secrets(t, secret)
	h, err := Open(file, "", nil, nil, fetch.NewFollower(t.TempDir(), nil, 0, nil), slog.New(slog.NewTextHandler(&log,
		nil)))
	if err != nil {
		t.Fatal(err)
	}
	to := serve(t, h)
	if status, text := send(t, to, "cvs", "{}", secret); status != 404 || !strings.Contains(text, "github") {
		t.Errorf("an unknown kind: %d %s", status, text)
	}
	if status, text := send(t, to, "generic", strings.Repeat(" ", webhook.MaxBody+1), secret); status != 413 {
		t.Errorf("a body without end: %d %s", status, text)
	}
	if status, _ := send(t, to, "github", "{}", "guess"); status != 401 {
		t.Errorf("a guess: %d", status)
	}
	resp, err := http.Get(to + "/webhook/github")
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s", resp.Status)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text := send(t, to, "generic", "{}", "short"); status != 503 {
		t.Errorf("a secret that is too short: %d %s", status, text)
	}
	if err := os.WriteFile(file, []byte("another secret than before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text := send(t, to, "generic", `{"repository":"https://x/y"}`,
		"another secret than before"); status != 200 {
		t.Errorf("a secret that was replaced: %d %s", status, text)
	}
	if text := log.String(); strings.Count(text, "was refused") != 1 || strings.Contains(text, secret) {
		t.Errorf("the log: %s", text)
	}
}

func TestSecretsThatAreNoneAreSaidAtTheStart(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for text, want := range map[string]string{"": "it has none", "# only a comment\n": "it has none",
		"x\n":                           "line 1 is too short",
		strings.Repeat(secret+"\n", 21): "more than 20",
		strings.Repeat("#", 70<<10) + "\n" + secret: "64 KiB"} {
		if _, err := Open(secrets(t, text), "", nil, nil, nil, log); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
	if _, err := Open("/not/there", "", nil, nil, nil, log); err == nil || !strings.Contains(err.Error(),
		"--webhook-secrets") {
		t.Errorf("a file that is not there: %v", err)
	}
	dir := t.TempDir()
	if h, err := Open("", dir, nil, nil, nil, log); h != nil || err != nil {
		t.Errorf("a folder of credentials without secrets: %v, %v", h, err)
	}
	if err := os.WriteFile(filepath.Join(dir, File), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	if h, err := Open("", dir, nil, nil, nil, log); h == nil || err != nil {
		t.Errorf("a folder of credentials with secrets: %v", err)
	}
}
