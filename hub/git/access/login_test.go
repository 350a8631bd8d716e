package access

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

// file writes one.
func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is logged in with over https: what the flags or a credential say, or else what the URL holds.
func TestLoginsOverHTTPS(t *testing.T) {
	t.Setenv("FLEET_PASSWORD", " from the environment\n")
	at := Location{Scheme: "https", URL: "https://host/fleet.git"}
	named := at
	named.User, named.Password = "ada", "of the URL"
	token := at
	token.User = "t0ken"
	for name, c := range map[string]struct {
		at   Location
		auth Auth
		want string // user and password; or the bearer; "" for none
	}{
		"none":              {at, Auth{}, ""},
		"a password":        {at, Auth{Password: "pw"}, "git:pw"},
		"user and password": {at, Auth{Username: "bob", Password: "pw"}, "bob:pw"},
		"a file":            {at, Auth{Username: "bob", PasswordFile: file(t, "in a file\n")}, "bob:in a file"},
		"a file, and more": {at, Auth{PasswordFile: file(t, "in a file"), Password: "pw",
			PasswordEnv: "FLEET_PASSWORD"}, "git:in a file"},
		"the environment":            {at, Auth{PasswordEnv: "FLEET_PASSWORD"}, "git:from the environment"},
		"the URL":                    {named, Auth{}, "ada:of the URL"},
		"the URL's user":             {named, Auth{Password: "pw"}, "ada:pw"},
		"another than the URL's":     {named, Auth{Username: "bob", Password: "pw"}, "bob:pw"},
		"a token for a user":         {token, Auth{}, "t0ken:"},
		"a bearer":                   {named, Auth{Token: "b3arer", Username: "bob", Password: "pw"}, "bearer b3arer"},
		"nothing of the URL":         {named, Auth{Alone: true}, ""},
		"nothing of the URL's user":  {named, Auth{Alone: true, Password: "pw"}, "git:pw"},
		"a token, and not the URL's": {token, Auth{Alone: true}, ""},
	} {
		l, err := NewLogin(c.at, c.auth)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := ""
		switch a := l.Auth.(type) {
		case *githttp.BasicAuth:
			got = a.Username + ":" + a.Password
		case *githttp.TokenAuth:
			got = "bearer " + a.Token
		}
		if got != c.want {
			t.Errorf("%s: it logs in as %q, want %q", name, got, c.want)
		}
		if _, password, ok := strings.Cut(got, ":"); ok && password != "" && !slices.Contains(l.secrets, password) {
			t.Errorf("%s: %q is no secret", name, password)
		}
		l.Close()
	}
}

func TestCertificatesOfALogin(t *testing.T) {
	t.Parallel()
	at := Location{Scheme: "https", URL: "https://host/fleet.git"}
	for name, c := range map[string]struct {
		auth Auth
		want string
	}{
		"in a credential":       {Auth{CA: "pem"}, "pem"},
		"in a file":             {Auth{CAFile: file(t, "pem of a file")}, "pem of a file"},
		"a file before another": {Auth{CAFile: file(t, "pem of a file"), CA: "pem"}, "pem of a file"},
	} {
		l, err := NewLogin(at, c.auth)
		if err != nil || string(l.CA) != c.want {
			t.Errorf("%s: %q, %v", name, l.CA, err)
		}
	}
	l, err := NewLogin(at, Auth{Certificate: "cert", TLSKey: "key"})
	if err != nil || string(l.Certificate) != "cert" || string(l.Key) != "key" {
		t.Errorf("of the client: %q, %q, %v", l.Certificate, l.Key, err)
	}
}

// What cannot be read is said with what to do, and is no login without a password.
func TestLoginsThatCannotBeMade(t *testing.T) {
	t.Setenv("SSH_AUTH_SOCK", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("SSH_KNOWN_HOSTS", filepath.Join(t.TempDir(), "none"))
	https := Location{Scheme: "https", URL: "https://host/fleet.git"}
	over := Location{Scheme: "ssh", URL: "ssh://git@host/fleet.git", User: "git"}
	none := filepath.Join(t.TempDir(), "none")
	_, plain := newKey(t, "")
	_, locked := newKey(t, "open sesame")
	hosts := "host " + string(ssh.MarshalAuthorizedKey(hostKey(t)))
	for name, c := range map[string]struct {
		at   Location
		auth Auth
		want string
	}{
		"no password file": {https, Auth{PasswordFile: none},
			"read the password file: open " + none + ": no such file or directory: create it, or correct its path"},
		"no variable": {https, Auth{PasswordEnv: "NO_SUCH_VARIABLE"},
			"environment variable NO_SUCH_VARIABLE, which is not set: set it"},
		"no CA file": {https, Auth{CAFile: none}, "read the certificates to trust: open " + none},
		"no key": {over, Auth{},
			"there is no key for ssh: give a key file, or start an ssh agent (SSH_AUTH_SOCK)"},
		"no key in a file":    {over, Auth{KeyFile: none}, "read the key for ssh: open " + none},
		"no key of its own":   {over, Auth{Alone: true}, "give a credential with an ssh key for its address"},
		"a key that is none":  {over, Auth{Key: "none"}, "give a private key in PEM or OpenSSH format"},
		"a file with no key":  {over, Auth{KeyFile: file(t, "none")}, "give a private key in PEM or OpenSSH format"},
		"a locked key":        {over, Auth{Key: locked}, "read the key for ssh: it is encrypted: give its passphrase"},
		"another passphrase":  {over, Auth{Key: locked, KeyPassphrase: "xyzzy"}, "read the key for ssh: "},
		"no known hosts":      {over, Auth{Key: plain}, "there is no file of known hosts"},
		"no hosts of its own": {over, Auth{Key: plain, Alone: true}, "there are no known hosts for it"},
		"hosts that are none": {over, Auth{Key: plain, KnownHosts: "host ssh-ed25519 none"}, "read known hosts: "},
		"a folder of no hosts": {over, Auth{Key: plain, KnownHostsFile: filepath.Join(file(t, hosts), "x")},
			"read known hosts: "},
	} {
		l, err := NewLogin(c.at, c.auth)
		if err == nil || l != nil {
			t.Errorf("%s: there is a login", name)
			continue
		}
		said, known := Explain(c.at, l, err)
		if text := said.Error(); !strings.Contains(text, c.want) || !known || !strings.HasPrefix(text,
			"read repository "+c.at.URL+": ") {
			t.Errorf("%s: %q, known: %t, want %q in it", name, text, known, c.want)
		}
		for _, secret := range []string{"xyzzy", "open sesame"} {
			if strings.Contains(said.Error(), secret) {
				t.Errorf("%s: the passphrase shows in %q", name, said)
			}
		}
	}
	t.Setenv("SSH_AUTH_SOCK", none)
	if _, err := NewLogin(over, Auth{}); err == nil || !strings.Contains(err.Error(), "start it, or give a key file") {
		t.Errorf("an agent that is not there: %v", err)
	}
}

// newKey makes a key for ssh, and gives it as OpenSSH has it.
func newKey(t *testing.T, passphrase string) (ssh.PublicKey, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(block))
}

func hostKey(t *testing.T) ssh.PublicKey {
	t.Helper()
	key, _ := newKey(t, "")
	return key
}

// config is what ssh is told by a login.
func config(t *testing.T, l *Login) *ssh.ClientConfig {
	t.Helper()
	login, ok := l.Auth.(sshLogin)
	if !ok {
		t.Fatalf("it logs in with %T", l.Auth)
	}
	c, err := login.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoginsOverSSH(t *testing.T) {
	t.Parallel()
	at := Location{Scheme: "ssh", URL: "ssh://git@host/fleet.git", User: "git", Password: "of the URL"}
	host := hostKey(t)
	hosts := "host " + string(ssh.MarshalAuthorizedKey(host))
	_, plain := newKey(t, "")
	_, locked := newKey(t, "open sesame")
	for name, c := range map[string]struct {
		auth Auth
		user string
	}{
		"a key":              {Auth{Key: plain, KnownHosts: hosts}, "git"},
		"a key in a file":    {Auth{KeyFile: file(t, plain), KnownHostsFile: file(t, hosts)}, "git"},
		"a locked key":       {Auth{Key: locked, KeyPassphrase: "open sesame", KnownHosts: hosts, Alone: true}, "git"},
		"another user":       {Auth{Username: "ada", Key: plain, KnownHosts: hosts}, "ada"},
		"a password":         {Auth{Password: "pw", KnownHosts: hosts}, "git"},
		"the URL's password": {Auth{KnownHosts: hosts}, "git"},
	} {
		l, err := NewLogin(at, c.auth)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := config(t, l)
		if got.User != c.user || len(got.Auth) != 1 || got.Timeout == 0 {
			t.Errorf("%s: user %q, %d ways to log in, a timeout of %s", name, got.User, len(got.Auth), got.Timeout)
		}
		// what the server shows must be what is known, and it is asked for nothing else
		if !slices.Contains(got.HostKeyAlgorithms, ssh.KeyAlgoED25519) {
			t.Errorf("%s: the server is asked for a key of %q", name, got.HostKeyAlgorithms)
		}
		remote := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 22}
		if err := got.HostKeyCallback("host:22", remote, host); err != nil {
			t.Errorf("%s: the known host is refused: %v", name, err)
		}
		for called, want := range map[string]string{"host:22": "so this may be another server",
			"stranger:22": "host key is not known"} {
			err := got.HostKeyCallback(called, remote, hostKey(t))
			if err == nil {
				t.Fatalf("%s: %s is taken with another key", name, called)
			}
			if said, known := Explain(at, l, err); !known || !strings.Contains(said.Error(), want) {
				t.Errorf("%s: %s with another key: %v", name, called, said)
			}
		}
		l.Close()
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "known-hosts-*")); err == nil {
		for _, path := range left {
			if data, _ := os.ReadFile(path); string(data) == hosts {
				t.Errorf("%s is left", path)
			}
		}
	}
}

// A port of its own is part of what a host is known by.
func TestAHostIsKnownByItsPort(t *testing.T) {
	t.Parallel()
	_, key := newKey(t, "")
	known := knownhosts.Line([]string{"host:2222"}, hostKey(t))
	for url, want := range map[string]bool{"ssh://git@host:2222/fleet": true, "ssh://git@host/fleet": false,
		"git@host:fleet": false} {
		l, err := NewLogin(Location{Scheme: "ssh", URL: url, User: "git"}, Auth{Key: key, KnownHosts: known})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(config(t, l).HostKeyAlgorithms) > 0; got != want {
			t.Errorf("%s: a key is known: %t", url, got)
		}
	}
}

// The ssh agent of this machine's user is asked for keys, unless nothing of this machine is to be used.
func TestTheSSHAgentIsAskedForKeys(t *testing.T) {
	dir, err := os.MkdirTemp("", "ssh") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "agent")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			ended <- err
			return
		}
		_ = agent.ServeAgent(agent.NewKeyring(), conn) // until the login is closed
		ended <- conn.Close()
	}()
	t.Setenv("SSH_AUTH_SOCK", socket)
	at := Location{Scheme: "ssh", URL: "ssh://git@host/fleet", User: "git"}
	hosts := knownhosts.Line([]string{"host"}, hostKey(t))
	if _, err := NewLogin(at, Auth{KnownHosts: hosts, Alone: true}); err == nil {
		t.Error("the agent is asked although nothing of this machine is to be used")
	}
	l, err := NewLogin(at, Auth{KnownHosts: hosts})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(config(t, l).Auth); n != 1 {
		t.Errorf("there are %d ways to log in", n)
	}
	l.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_ = ln.Close()
}
