package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// A repository on another machine is mirrored and followed, with a password or without, and the password is nowhere to
// be read.
func TestHubFollowsARemoteRepository(t *testing.T) {
	testenv.NeedT(t)
	const password = "correct-horse-battery"
	for name, c := range map[string]struct {
		serve []testenv.GitServerOption
		args  []string
		env   []string
	}{
		"open":          {},
		"with password": {[]testenv.GitServerOption{testenv.WithPassword("robot", password)}, []string{"--git-username", "robot"}, []string{"DROVER_GIT_PASSWORD=" + password}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			repo, err := testenv.NewGitRepo(filepath.Join(dir, "fleet"))
			if err != nil {
				t.Fatal(err)
			}
			commit := func(message string) {
				repo.Write("clusters/edge/settings.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {message: "+message+"}\n")
				if _, err := repo.Commit(message); err != nil {
					t.Fatal(err)
				}
			}
			commit("first")
			server, err := testenv.ServeGit(repo, c.serve...)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = server.Stop() }()
			data := filepath.Join(dir, "data")
			hub := start(t, append(c.env, "DROVER_DATA_DIR="+data), append([]string{filepath.Join(testenv.ProgramsT(t), "drover"), "hub", "--repo", server.URL,
				"--poll-interval", "1s", "--listen", freeAddr(t), "--nats-listen", freeAddr(t)}, c.args...)...)
			for _, message := range []string{"first", "second"} {
				if message != "first" {
					commit(message)
				}
				status := ""
				deadline := time.Now().Add(patience)
				for !strings.Contains(status, fmt.Sprintf("%q, resolved", message)) {
					if time.Now().After(deadline) {
						t.Fatalf("the hub does not come to %q:\n%s", message, status)
					}
					cmd := exec.Command(filepath.Join(testenv.ProgramsT(t), "drover"), "status")
					cmd.Env = append(os.Environ(), "DROVER_DATA_DIR="+data)
					out, _ := cmd.CombinedOutput() // it fails while the hub starts
					status = string(out)
				}
			}
			if strings.Contains(hub.running.Tail(1000), password) {
				t.Error("the log holds the password")
			}
		})
	}
}

// freeAddr is an address that nobody listens at.
func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}
