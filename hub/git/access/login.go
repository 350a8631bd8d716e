package access

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/drover-dev/drover/hub/git/bounds"
)

// Login is what one attempt to reach a repository logs in with.
type Login struct {
	Auth        transport.AuthMethod // nil for none
	CA          []byte               // PEM
	Certificate []byte               // PEM, of the client
	Key         []byte               // of cert
	secrets     []string             // what no error may contain
	agent       net.Conn             // nil if no agent is asked
}

// Close ends the connection to the ssh agent, if there is one.
func (l *Login) Close() {
	if l.agent != nil {
		_ = l.agent.Close()
	}
}

// NewLogin reads the credentials.
func NewLogin(at Location, a Auth) (*Login, error) {
	password, err := a.password()
	if err != nil {
		return nil, err
	}
	if password == "" && !a.Alone {
		password = at.Password
	}
	l := &Login{CA: []byte(a.CA), Certificate: []byte(a.Certificate), Key: []byte(a.TLSKey)}
	l.secrets = []string{password, url.QueryEscape(password), url.PathEscape(password), a.KeyPassphrase, a.Token}
	if at.Scheme == "ssh" {
		if err := l.useSSH(at, a, password); err != nil {
			l.Close()
			return nil, err
		}
		return l, nil
	}
	if a.CAFile != "" {
		if l.CA, err = os.ReadFile(a.CAFile); err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w: create the file, or correct its path", err)
		}
	}
	user := a.Username
	if user == "" && !a.Alone {
		user = at.User
	}
	switch {
	case a.Token != "":
		l.Auth = &githttp.TokenAuth{Token: a.Token}
		return l, nil
	case user == "" && password == "":
		return l, nil
	case password == "": // a token may stand in place of the user
		l.secrets = append(l.secrets, user, url.QueryEscape(user), url.PathEscape(user))
	case user == "":
		user = "git"
	}
	l.Auth = &githttp.BasicAuth{Username: user, Password: password}
	return l, nil
}

// password returns the password, wherever it is kept.
func (a Auth) password() (string, error) {
	switch {
	case a.PasswordFile != "":
		data, err := os.ReadFile(a.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("read the password file: %w: create it, or correct its path", err)
		}
		return strings.TrimSpace(string(data)), nil
	case a.PasswordEnv != "":
		value, ok := os.LookupEnv(a.PasswordEnv)
		if !ok {
			return "", fmt.Errorf("the password is to be in the environment variable %s, which is not set: set it", a.PasswordEnv)
		}
		return strings.TrimSpace(value), nil
	}
	return a.Password, nil
}

// sshLogin implements go-git's ssh.AuthMethod.
type sshLogin struct{ config ssh.ClientConfig }

func (sshLogin) Name() string                               { return "ssh" }
func (sshLogin) String() string                             { return "ssh" }
func (l sshLogin) ClientConfig() (*ssh.ClientConfig, error) { c := l.config; return &c, nil }

func (l *Login) useSSH(at Location, a Auth, password string) error {
	c := ssh.ClientConfig{User: at.User, Timeout: bounds.DialTimeout}
	if a.Username != "" {
		c.User = a.Username
	}
	switch socket := os.Getenv("SSH_AUTH_SOCK"); {
	case a.KeyFile != "" || a.Key != "":
		key, err := readKey(a)
		if err != nil {
			return err
		}
		c.Auth = append(c.Auth, ssh.PublicKeys(key))
	case password != "":
		c.Auth = append(c.Auth, ssh.Password(password))
	case a.Alone:
		return Advise("there is no key for it", "give a credential with an ssh key for its address: drover hub --help, --credentials-dir")
	case socket != "":
		conn, err := net.Dial("unix", socket)
		if err != nil {
			return fmt.Errorf("reach the ssh agent: %w: start it, or give a key file", err)
		}
		l.agent = conn
		c.Auth = append(c.Auth, ssh.PublicKeysCallback(agent.NewClient(conn).Signers))
	default:
		return errors.New("there is no key for ssh: give a key file, or start an ssh agent (SSH_AUTH_SOCK)")
	}
	known, err := a.knownHosts()
	if err != nil {
		return err
	}
	c.HostKeyCallback = known.HostKeyCallback()
	if ep, err := transport.NewEndpoint(at.URL); err == nil {
		port := ep.Port
		if port == 0 {
			port = 22
		}
		c.HostKeyAlgorithms = known.HostKeyAlgorithms(net.JoinHostPort(ep.Host, fmt.Sprint(port)))
	}
	l.Auth = sshLogin{c}
	return nil
}

func readKey(a Auth) (ssh.Signer, error) {
	data, err := []byte(a.Key), error(nil)
	if len(data) == 0 {
		if data, err = os.ReadFile(a.KeyFile); err != nil {
			return nil, fmt.Errorf("read the key for ssh: %w: create it, or correct its path", err)
		}
	}
	key, err := ssh.ParsePrivateKey(data)
	var encrypted *ssh.PassphraseMissingError
	if errors.As(err, &encrypted) {
		if a.KeyPassphrase == "" {
			return nil, fmt.Errorf("read the key for ssh%s: it is encrypted: give its passphrase", a.keyPlace())
		}
		key, err = ssh.ParsePrivateKeyWithPassphrase(data, []byte(a.KeyPassphrase))
	}
	if err != nil {
		return nil, fmt.Errorf("read the key for ssh%s: %w: give a private key in PEM or OpenSSH format", a.keyPlace(), err)
	}
	return key, nil
}

// keyPlace is where the key for ssh is kept, for messages.
func (a Auth) keyPlace() string {
	if a.KeyFile == "" {
		return ""
	}
	return " in " + a.KeyFile
}

// knownHosts reads the host keys that are trusted, from wherever they are.
func (a Auth) knownHosts() (*knownhosts.HostKeyDB, error) {
	if a.KnownHosts == "" {
		if a.Alone {
			return nil, Advise("there are no known hosts for it", "add them to the credential for its address (ssh-keyscan), and compare them with what the server's owner publishes")
		}
		return knownHosts(a.KnownHostsFile)
	}
	f, err := os.CreateTemp("", "known-hosts-*") // what parses them reads files alone; they are public
	if err != nil {
		return nil, fmt.Errorf("keep known hosts while they are read: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(a.KnownHosts)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("keep known hosts while they are read: %w", err)
	}
	return knownHosts(f.Name())
}

// knownHosts reads the host keys that are trusted.
func knownHosts(file string) (*knownhosts.HostKeyDB, error) {
	files := []string{file}
	if file == "" {
		files = filepath.SplitList(os.Getenv("SSH_KNOWN_HOSTS"))
	}
	if len(files) == 0 {
		if home, err := os.UserHomeDir(); err == nil {
			files = append(files, filepath.Join(home, ".ssh", "known_hosts"))
		}
		files = append(files, "/etc/ssh/ssh_known_hosts")
	}
	var there []string
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			there = append(there, f)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("there is no file of known hosts (%s): make one with ssh-keyscan, and compare it with what the server's owner publishes",
			strings.Join(files, ", "))
	}
	db, err := knownhosts.NewDB(there...)
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w", err)
	}
	return db, nil
}
