package edit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/hub/cmd/drover/call"
)

// checkout is a work tree of a fleet's repository, made by the git command.
type checkout struct {
	*testing.T
	dir string
	hub *httptest.Server // that commands ask; nil for none
}

// fleet has two clusters, edge and prod, in one commit.
func fleet(t *testing.T) *checkout {
	t.Helper()
	c := &checkout{T: t, dir: filepath.Join(t.TempDir(), "fleet")}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c.git("init", "-q", "-b", "main")
	c.named("Ada")
	c.commit("clusters/edge/own.yaml", "kind: none\n", "clusters/prod/own.yaml", "kind: none\n", "README", "a fleet\n")
	return c
}

func (c *checkout) named(who string) {
	c.git("config", "user.name", who)
	c.git("config", "user.email", strings.ToLower(who)+"@example.com")
}

func (c *checkout) git(args ...string) string {
	c.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *checkout) write(name, text string) {
	c.Helper()
	file := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		c.Fatal(err)
	}
}

func (c *checkout) commit(files ...string) {
	c.Helper()
	for i := 0; i+1 < len(files); i += 2 {
		c.write(files[i], files[i+1])
	}
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", "change")
}

// bare is a bare repository with what the checkout has.
func (c *checkout) bare() *checkout {
	c.Helper()
	out := &checkout{T: c.T, dir: filepath.Join(c.TempDir(), "origin.git"), hub: c.hub}
	c.git("clone", "-q", "--bare", c.dir, out.dir)
	return out
}

// follows has the checkout's branch follow that of a bare repository.
func (c *checkout) follows(bare *checkout) {
	c.Helper()
	c.git("remote", "add", "origin", bare.dir)
	c.git("fetch", "-q", "origin")
	c.git("branch", "-q", "--set-upstream-to=origin/main")
}

// hook has a repository run a script, which is told of on standard error.
func (c *checkout) hook(name, script string) {
	c.Helper()
	dir := c.git("rev-parse", "--git-path", "hooks")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(c.dir, dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		c.Fatal(err)
	}
}

// misuse is an error about how a command was called.
type misuse struct{ error }

const fine, bad, misused = 0, 1, 2

// answered runs a command for this repository, whose user answers something.
func (c *checkout) answered(answer string, args ...string) (said string, code int) {
	c.Helper()
	return c.run(answer, append(args, "--repo", c.dir)...)
}

// run runs a command.
func (c *checkout) run(answer string, args ...string) (said string, code int) {
	c.Helper()
	m := Commands{Wrong: func(err error) error { return misuse{err} }, Connection: func() call.Connection {
		return call.Connection{Flags: func(*cobra.Command) {}, Client: func() (api.Client, error) {
			if c.hub == nil {
				return api.Client{}, errors.New("no hub is known here")
			}
			return api.Client{URL: c.hub.URL, APIToken: "secret"}, nil
		}}
	}}
	root := &cobra.Command{Use: "drover", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(m.Add(), m.Remove(), m.Upgrade())
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetIn(strings.NewReader(answer))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(c.Context())
	switch {
	case err == nil:
		return out.String(), fine
	case errors.As(err, &misuse{}):
		code = misused
	default:
		code = bad
	}
	return out.String() + "error: " + err.Error() + "\n", code
}

// wants runs a command for this repository, and checks its exit code and parts of what it says, which it gives.
func (c *checkout) wants(code int, part string, args ...string) string {
	c.Helper()
	said, got := c.answered("", args...)
	if got != code || !strings.Contains(said, part) {
		c.Errorf("drover %s: exit code %d, want %d, and %q in: %s", strings.Join(args, " "), got, code, part, said)
	}
	return said
}

// knowing gives the checkout a hub that follows a repository and, once it was poked, knows clusters.
func (c *checkout) knowing(source map[string]any, clusters ...string) {
	c.Helper()
	rows := []map[string]any{}
	for _, name := range clusters {
		rows = append(rows, map[string]any{"name": name, "state": "pending"})
	}
	answer, err := json.Marshal(map[string]any{"source": source, "clusters": rows})
	if err != nil {
		c.Fatal(err)
	}
	c.hub = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/watch"):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = fmt.Fprintf(w, "data: %s\n\n", answer)
		case r.Method == http.MethodPost:
			_, _ = w.Write([]byte("{}"))
		default:
			_, _ = w.Write(answer)
		}
	}))
	c.Cleanup(c.hub.Close)
}
