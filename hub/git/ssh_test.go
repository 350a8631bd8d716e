package git

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/gittest"
)

func TestSSH(t *testing.T) {
	srv := gittest.ServeSSH(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r := gittest.New(t)
	one := r.Commit("a", "1")
	bare := filepath.Join(t.TempDir(), "fleet.git")
	gittest.Git(t, "", "clone", "-q", "--bare", r.Dir, bare)
	url := fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, srv.Port, bare)
	t.Setenv("SSH_AUTH_SOCK", "")
	good := access.Auth{KeyFile: srv.Key, KnownHostsFile: srv.Known}
	poll := 10 * time.Millisecond

	t.Run("key file", func(t *testing.T) {
		s := open(t, Options{URL: url, Dir: t.TempDir(), Auth: good, PollInterval: poll})
		wantHash(t, next(t, s, ""), one)
		two := r.Commit("a", "2")
		r.Git("push", "-q", bare, "main")
		wantHash(t, next(t, s, one), two)
		r.Git("push", "-q", "--force", bare, one+":main")
	})
	t.Run("agent", func(t *testing.T) {
		t.Setenv("SSH_AUTH_SOCK", gittest.Agent(t))
		gittest.Run(t, "ssh-add", "-q", srv.Key)
		wantHash(t, next(t, open(t, Options{URL: url, Dir: t.TempDir(), Auth: access.Auth{KnownHostsFile: srv.Known}}), ""), one)
	})

	other := filepath.Join(t.TempDir(), "other")
	gittest.Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "pass phrase", "-f", other)
	plain := filepath.Join(t.TempDir(), "plain")
	gittest.Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", plain)
	public, _ := os.ReadFile(other + ".pub")
	strangers, wrong := filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "wrong")
	_ = os.WriteFile(strangers, nil, 0o600)
	_ = os.WriteFile(wrong, []byte(fmt.Sprintf("[127.0.0.1]:%d %s", srv.Port, public)), 0o600)
	for name, tt := range map[string]struct {
		url  string
		auth access.Auth
		want []string
	}{
		"wrong key":      {url, access.Auth{KeyFile: plain, KnownHostsFile: srv.Known}, []string{"the login was refused", "key"}},
		"no passphrase":  {url, access.Auth{KeyFile: other, KnownHostsFile: srv.Known}, []string{"it is encrypted", "give its passphrase"}},
		"passphrase":     {url, access.Auth{KeyFile: other, KeyPassphrase: "pass phrase", KnownHostsFile: srv.Known}, []string{"the login was refused"}},
		"bad passphrase": {url, access.Auth{KeyFile: other, KeyPassphrase: "xyzzy", KnownHostsFile: srv.Known}, []string{"read the key for ssh"}},
		"unknown host":   {url, access.Auth{KeyFile: srv.Key, KnownHostsFile: strangers}, []string{"host key is not known", "ssh-keyscan"}},
		"changed host":   {url, access.Auth{KeyFile: srv.Key, KnownHostsFile: wrong}, []string{"is not the known one", "ask the server's owner"}},
		"no known hosts": {url, access.Auth{KeyFile: srv.Key, KnownHostsFile: strangers + "x"}, []string{"no file of known hosts", "ssh-keyscan"}},
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
