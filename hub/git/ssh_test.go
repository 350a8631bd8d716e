package git

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/internal/race"
)

func TestSSH(t *testing.T) {
	srv := serveSSH(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r := newRepo(t)
	one := r.commit("a", "1")
	bare := filepath.Join(t.TempDir(), "fleet.git")
	runGit(t, "", "clone", "-q", "--bare", r.dir, bare)
	url := fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, srv.port, bare)
	t.Setenv("SSH_AUTH_SOCK", "")
	good := Auth{KeyFile: srv.key, KnownHostsFile: srv.known}
	poll := 10 * time.Millisecond

	t.Run("key file", func(t *testing.T) {
		s := open(t, Options{URL: url, Dir: t.TempDir(), Auth: good, PollInterval: poll})
		wantHash(t, next(t, s, ""), one)
		two := r.commit("a", "2")
		r.git("push", "-q", bare, "main")
		wantHash(t, next(t, s, one), two)
		r.git("push", "-q", "--force", bare, one+":main")
	})
	t.Run("agent", func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "agent")
		cmd := exec.Command("ssh-agent", "-D", "-a", socket)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		t.Setenv("SSH_AUTH_SOCK", socket)
		for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
			if _, err := os.Stat(socket); err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("no agent")
			}
		}
		run(t, "ssh-add", "-q", srv.key)
		wantHash(t, next(t, open(t, Options{URL: url, Dir: t.TempDir(), Auth: Auth{KnownHostsFile: srv.known}}), ""), one)
	})

	other := filepath.Join(t.TempDir(), "other")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "pass phrase", "-f", other)
	plain := filepath.Join(t.TempDir(), "plain")
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", plain)
	public, _ := os.ReadFile(other + ".pub")
	strangers, wrong := filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "wrong")
	_ = os.WriteFile(strangers, nil, 0o600)
	_ = os.WriteFile(wrong, []byte(fmt.Sprintf("[127.0.0.1]:%d %s", srv.port, public)), 0o600)
	for name, tt := range map[string]struct {
		url  string
		auth Auth
		want []string
	}{
		"wrong key":      {url, Auth{KeyFile: plain, KnownHostsFile: srv.known}, []string{"the login was refused", "key"}},
		"no passphrase":  {url, Auth{KeyFile: other, KnownHostsFile: srv.known}, []string{"it is encrypted", "give its passphrase"}},
		"passphrase":     {url, Auth{KeyFile: other, KeyPassphrase: "pass phrase", KnownHostsFile: srv.known}, []string{"the login was refused"}},
		"bad passphrase": {url, Auth{KeyFile: other, KeyPassphrase: "xyzzy", KnownHostsFile: srv.known}, []string{"read the key for ssh"}},
		"unknown host":   {url, Auth{KeyFile: srv.key, KnownHostsFile: strangers}, []string{"host key is not known", "ssh-keyscan"}},
		"changed host":   {url, Auth{KeyFile: srv.key, KnownHostsFile: wrong}, []string{"is not the known one", "ask the server's owner"}},
		"no known hosts": {url, Auth{KeyFile: srv.key, KnownHostsFile: strangers + "x"}, []string{"no file of known hosts", "ssh-keyscan"}},
		"repository":     {url + "x", good, []string{"there is no such repository", "check the URL"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := nextError(t, open(t, Options{URL: tt.url, Dir: t.TempDir(), Auth: tt.auth}), "", append(tt.want, tt.url)...)
			if strings.Contains(text, "xyzzy") || strings.Contains(text, "pass phrase") {
				t.Errorf("the passphrase shows in %s", text)
			}
		})
	}
}
