package access

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/drover-dev/drover/hub/git/bounds"
	"github.com/drover-dev/drover/internal/outbound"
)

// advisedError carries what to do about an error.
type advisedError struct {
	what, advice string
}

func (e *advisedError) Error() string { return e.what + ": " + e.advice }

// Explain says what an error of reaching a repository means and what to do, without credentials. The
// second result says whether that is known; if not, the mirror may be what is wrong. The login
// is nil if it could not be made.
func Explain(at Location, l *Login, err error) (_ error, known bool) {
	what, advice := meaning(at, l, err)
	if known = what != ""; !known {
		what, advice = err.Error(), "check that the URL leads to a Git repository, and that the server is well"
	}
	// a secret is cut out before the text is cut off, or else a part of it might be left
	what, advice = l.redact(what), l.redact(advice)
	text := fmt.Sprintf("read repository %s: %.400s: %s", l.redact(at.URL), strings.Map(printable, what), advice)
	return errors.New(text), known // the cause is not wrapped, because it may quote credentials
}

// redact cuts the secrets of a login out of a text.
func (l *Login) redact(text string) string {
	if l == nil {
		return text
	}
	for _, secret := range l.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}

// printable drops what a server may have put into its answer to confuse a terminal.
func printable(c rune) rune {
	if unicode.IsPrint(c) {
		return c
	}
	return -1
}

func meaning(at Location, l *Login, err error) (what, advice string) {
	var advised *advisedError
	if errors.As(err, &advised) {
		return advised.what, advised.advice
	}
	var excess *bounds.ExcessError
	if errors.As(err, &excess) {
		return excess.Error(), bounds.ExcessAdvice
	}
	var forbidden *outbound.ForbiddenError
	if errors.As(err, &forbidden) {
		return forbidden.Error(), "name another address, or let the operator of the hub allow it (drover hub " +
			"--allow-source-address)"
	}
	loggedIn := l != nil && l.Auth != nil
	switch {
	case l == nil:
		return "the login cannot be prepared", err.Error()
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return "it is empty", "push a commit to it, which is noticed by itself"
	case errors.Is(err, transport.ErrAuthenticationRequired) && loggedIn, refusedBySSH(err):
		return "the login was refused", "check user, password, token or key, and that they have not expired"
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return "it does not exist, or asks for a login", "check the URL, and give a user and a token that may read it"
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return "access is forbidden", "let the user or token read this repository"
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return "there is no such repository", "check the URL, and that the login may read it"
	}
	if what, advice = meaningOfSSH(err); what != "" {
		return what, advice
	}
	return meaningOfNetwork(err)
}

// refusedBySSH recognizes the one error that golang.org/x/crypto/ssh gives no type.
func refusedBySSH(err error) bool {
	return strings.Contains(err.Error(), "ssh: unable to authenticate")
}

func meaningOfSSH(err error) (what, advice string) {
	var key *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case errors.As(err, &key) && len(key.Want) == 0:
		return "the server's host key is not known",
			"add it to the file of known hosts (ssh-keyscan), and compare it with what the server's owner publishes"
	case errors.As(err, &key), errors.As(err, &revoked):
		return "the server's host key is not the known one, so this may be another server",
			"ask the server's owner whether the key was changed, and only then replace it in the file of known hosts"
	}
	return "", ""
}

func meaningOfNetwork(err error) (what, advice string) {
	var dns *net.DNSError
	var network *net.OpError
	var unexpected *plumbing.UnexpectedError
	var answer *packp.ErrUnexpectedData
	var authority x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("the host %s is unknown", dns.Name), "check the URL, and the name service of this machine"
	case errors.As(err, &dns):
		return fmt.Sprintf("the host %s was not found: %s", dns.Name, dns.Err), "check the name service of this machine"
	case errors.As(err, &authority):
		return "the server's certificate is signed by an authority that is not trusted",
			"give the authority's certificate as CA file"
	case errors.As(err, &certificate):
		return certificate.Error(), "check the URL, and renew the server's certificate"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the server refuses connections", "check host and port, and that the server runs"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return "the server does not answer in time", "check the network between the hub and the server; retrying"
	case errors.As(err, &unexpected): // a status that go-git does not expect
		return unexpected.Err.Error(), "check the server's log; retrying"
	case errors.As(err, &answer) && bytes.Contains(answer.Data, []byte("object-format=sha256")):
		return "its object format is sha256",
			"use a repository made with git init --object-format=sha1, because only sha1 is supported"
	case errors.As(err, &network):
		return network.Error(), "check the network between the hub and the server; retrying"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full", "free space for the mirror"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return err.Error(), "let the hub write to the folder for the mirror"
	}
	return "", ""
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// Advise is an error that carries what to do about it.
func Advise(what, advice string) error { return &advisedError{what, advice} }
