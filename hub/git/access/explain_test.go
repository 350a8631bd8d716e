package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/drover-dev/drover/hub/git/bounds"
	"github.com/drover-dev/drover/internal/outbound"
)

// Whatever an error quotes, it quotes no secret.
func TestSecretsAreCutOut(t *testing.T) {
	token, err := NewLogin(Location{Scheme: "https", User: "t0ken"}, Auth{})
	if err != nil || !slices.Contains(token.secrets, "t0ken") {
		t.Errorf("a token in place of the user is no secret: %q, %v", token.secrets, err)
	}
	l := &Login{secrets: []string{"", "hunter2", "p%2Fw"}}
	at := Location{URL: "https://host/x"}
	err, _ = Explain(at, l, errors.New("GET https://ada:hunter2@host/x?p%2Fw \x1b[31m"))
	if got := err.Error(); strings.Contains(got, "hunter2") || strings.Contains(got, "p%2Fw") || strings.Contains(got,
		"\x1b") || errors.Unwrap(err) != nil {
		t.Errorf("error is %q", got)
	}
}

// A secret at the place where a long error is cut off is no secret any more, if a part of it is left.
func TestAnErrorIsNotCutInTheMiddleOfASecret(t *testing.T) {
	t.Parallel()
	l := &Login{secrets: []string{"hunter2-hunter2"}}
	for before := 380; before < 402; before++ {
		err, _ := Explain(Location{URL: "https://host/x"}, l, errors.New(strings.Repeat("x", before)+"hunter2-hunter2"))
		if strings.Contains(err.Error(), "hu") {
			t.Errorf("after %d characters the error is %q", before, err)
		}
	}
}

// Every error that a person may see says what it means and what to do, and whether the mirror is not to blame.
func TestErrorsAreExplained(t *testing.T) {
	t.Parallel()
	at := Location{URL: "https://host/fleet.git"}
	anonymous, named := &Login{}, &Login{Auth: &githttp.BasicAuth{Username: "ada", Password: "pw"}}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for name, c := range map[string]struct {
		login *Login
		err   error
		want  string
	}{
		"no login": {nil, errors.New("read the key"), "the login cannot be prepared: "},
		"empty":    {anonymous, transport.ErrEmptyRemoteRepository, "it is empty: push a commit to it"},
		"refused": {named, transport.ErrAuthenticationRequired,
			"the login was refused: check user, password, token or key"},
		"refused by ssh": {named, errors.New("ssh: handshake failed: ssh: unable to authenticate, attempted methods [none]"),
			"the login was refused"},
		"a login is due": {anonymous, transport.ErrAuthenticationRequired,
			"it does not exist, or asks for a login: check the URL, and give a user"},
		"forbidden": {named, transport.ErrAuthorizationFailed,
			"access is forbidden: let the user or token read this repository"},
		"no repository": {named, transport.ErrRepositoryNotFound, "there is no such repository: check the URL"},
		"unknown key":   {named, &knownhosts.KeyError{}, "the server's host key is not known: add it"},
		"another key": {named, &knownhosts.KeyError{Want: []knownhosts.KnownKey{{}}},
			"ask the server's owner whether the key was changed"},
		"a revoked key": {named, &knownhosts.RevokedError{}, "so this may be another server"},
		"no host": {anonymous, dial(&net.DNSError{Name: "host", IsNotFound: true}),
			"the host host is unknown: check the URL, and the name service"},
		"no name service": {anonymous, dial(&net.DNSError{Name: "host", Err: "server misbehaving"}),
			"the host host was not found: server misbehaving: check the name service"},
		"an authority": {anonymous, x509.UnknownAuthorityError{},
			"is signed by an authority that is not trusted: give the authority's certificate"},
		"a certificate": {anonymous, &tls.CertificateVerificationError{Err: errors.New("it has expired")},
			"it has expired: check the URL, and renew the server's certificate"},
		"no server":     {anonymous, dial(syscall.ECONNREFUSED), "the server refuses connections: check host and port"},
		"silence":       {anonymous, context.DeadlineExceeded, "the server does not answer in time: check the network"},
		"a silent read": {anonymous, dial(os.ErrDeadlineExceeded), "the server does not answer in time"},
		"a slow dial":   {anonymous, dial(&timeout{}), "the server does not answer in time"},
		"a status": {anonymous, plumbing.NewUnexpectedError(errors.New("status code: 503")),
			"status code: 503: check the server's log; retrying"},
		"sha256": {anonymous, packp.NewErrUnexpectedData("caps", []byte("0000 object-format=sha256 x")),
			"its object format is sha256: use a repository made with git init --object-format=sha1"},
		"another network": {anonymous, dial(syscall.EHOSTUNREACH),
			"no route to host: check the network between the hub and the server; retrying"},
		"a full disk": {anonymous, &fs.PathError{Op: "write", Path: "/m", Err: syscall.ENOSPC},
			"the disk is full: free space for the mirror"},
		"no permission": {anonymous, &fs.PathError{Op: "open", Path: "/m", Err: fs.ErrPermission},
			"open /m: permission denied: let the hub write to the folder for the mirror"},
		"a read-only disk": {anonymous, &fs.PathError{Op: "open", Path: "/m", Err: syscall.EROFS},
			"open /m: read-only file system: let the hub write to the folder"},
		"too much": {anonymous, bounds.Exceeds("a pack with 9 objects"),
			"a pack with 9 objects: " + bounds.ExcessAdvice},
		"not from here": {anonymous, dial(&outbound.ForbiddenError{Addr: netip.MustParseAddr("127.0.0.1")}),
			"--allow-source-address"},
		"advised": {anonymous, fmt.Errorf("first: %w", Advise("it is closed", "open it")), "it is closed: open it"},
	} {
		for _, err := range []error{c.err, fmt.Errorf("wrapped: %w", c.err)} {
			got, known := Explain(at, c.login, err)
			if text := got.Error(); !known || !strings.Contains(text, c.want) || !strings.HasPrefix(text,
				"read repository https://host/fleet.git: ") {
				t.Errorf("%s: %q, known: %t, want %q in it", name, text, known, c.want)
			}
			if strings.Contains(got.Error(), "\n") {
				t.Errorf("%s: %q is more than a line", name, got)
			}
		}
	}
}

// timeout is an error of a network that took too long.
type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// What is not known may be the mirror's fault. It is shown as it is, but for what is in the way of reading it.
func TestAnUnknownErrorIsShown(t *testing.T) {
	t.Parallel()
	at := Location{URL: "https://host/fleet.git"}
	got, known := Explain(at, &Login{}, errors.New("\x1b[2Jobject\nnot found\x00 "+strings.Repeat("x", 1000)))
	text := got.Error()
	if known || !strings.HasPrefix(text, "read repository https://host/fleet.git: [2Jobjectnot found x") ||
		len(text) > 600 ||
		!strings.HasSuffix(text, ": check that the URL leads to a Git repository, and that the server is well") {
		t.Errorf("it is %q, known: %t", text, known)
	}
}
