// Package credentials knows what the hub logs in with where it fetches sources from. They are files of a folder, for
// example a mounted Secret, one for each credential; the name of the file without .yaml is the credential's:
//
//	urls: [https://github.com/acme/, ssh://git@github.com/acme/]  # where it may be sent: to nothing else
//	username: robot              # with password, for https and oci
//	password: …
//	token: …                     # instead: sent as bearer
//	headers: {X-Api-Key: …}      # sent by gates of rollouts that ask the web, and by nothing else
//	ca: |                        # certificates to trust beside the system's, PEM
//	certificate: |               # of the hub, PEM, with key
//	key: |
//	sshKey: |                    # private key, PEM or OpenSSH; with sshPassphrase if it is encrypted
//	knownHosts: |                # host keys, as in ~/.ssh/known_hosts: without them nothing is fetched by ssh
//	githubApp: {id: 1, installation: 2, privateKey: "…", api: https://api.github.com}
//
// Which credential belongs to which address is the decision of who runs the hub, and stands in the file, as the address
// begins. A file in Git may name a credential, and gets it only if it is for the address that it is to be sent to:
// otherwise, a user who may write a file in Git could have the hub send any token to a server of theirs. Of several
// that are for an address, the one with the longest matching beginning counts. One for https:// is never sent by http.
//
// Files are read again at each attempt, so that they may be replaced while the hub runs. Nothing of them is in errors
// or logs. It may import the standard library and a YAML parser.
package credentials

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Credential is what one file says. The zero value is for what is public.
type Credential struct {
	URLs          []string   `json:"urls"`
	Username      string     `json:"username"`
	Password      string     `json:"password"`
	Token         string     `json:"token"`
	CA            string     `json:"ca"`
	Certificate   string     `json:"certificate"`
	Key           string     `json:"key"`
	SSHKey        string     `json:"sshKey"`
	SSHPassphrase string     `json:"sshPassphrase"`
	KnownHosts    string     `json:"knownHosts"`
	GitHubApp     *GitHubApp `json:"githubApp"`
	// Headers are sent by gates of rollouts that ask the web.
	Headers map[string]string `json:"headers"`
}

// GitHubApp logs in as an installation of an app (https://docs.github.com/apps).
type GitHubApp struct {
	ID           int64  `json:"id"`
	Installation int64  `json:"installation"`
	PrivateKey   string `json:"privateKey"` // PEM
	API          string `json:"api"`        // https://api.github.com if empty
}

// Folder reads credentials. The zero value has none. It is safe for concurrent use.
type Folder struct {
	Dir string // "" for none

	tokens tokens
}

// maxFile bounds a file with a credential.
const maxFile = 1 << 20

// Find gives the credential for an address. name, unless empty, is what Git asks for: it goes first if it is for the
// address, and if there is none for it at all, that is an error. plain says that the address is spoken to without
// encryption, whatever its scheme.
func (f *Folder) Find(ctx context.Context, address, name string, plain bool) (Credential, error) {
	return f.FindAmong(ctx, address, name, plain, nil)
}

// FindAmong is Find with nothing but the credentials of some names; nil is all that there are.
func (f *Folder) FindAmong(ctx context.Context, address, name string, plain bool, among []string) (Credential, error) {
	all, bad, err := f.read()
	if err != nil {
		return Credential{}, err
	}
	if among != nil {
		maps.DeleteFunc(all, func(n string, _ Credential) bool { return !slices.Contains(among, n) })
	}
	to, err := parse(address)
	if err != nil {
		return Credential{}, err
	}
	if plain {
		to.scheme = "http"
	}
	best, longest := "", -1
	for n, c := range all {
		length := c.reach(to)
		if n == name && length >= 0 {
			best = n
			break
		}
		if length > longest || length == longest && length >= 0 && n < best {
			best, longest = n, length
		}
	}
	switch {
	case best == "" && name == "":
		return Credential{}, nil
	case best == "" && bad != nil:
		return Credential{}, bad // it may be in one of these
	case best == "":
		return Credential{}, f.missing(to, name, all)
	}
	c := all[best]
	if c.GitHubApp != nil {
		c.Username = "x-access-token"
		if c.Password, err = f.tokens.of(ctx, *c.GitHubApp, c.CA); err != nil {
			return Credential{}, fmt.Errorf("credential %s: %w", best, err)
		}
	}
	return c, nil
}

// missing says that there is no credential for an address, and what to do.
func (f *Folder) missing(to place, name string, all map[string]Credential) error {
	what := fmt.Sprintf("the source at %s asks for the credential %q, ", to, name)
	if _, there := all[name]; there {
		return fmt.Errorf("%swhich is not for this address: let who runs the hub add %s to the urls of %s.yaml", what, to, name)
	}
	if f.Dir == "" {
		return fmt.Errorf("%sand the hub has none: let who runs it put a file %s.yaml with urls: [%s] into a folder, and start it with --credentials-dir (drover hub --help)", what, name, to)
	}
	return fmt.Errorf("%sand the hub has none for this address: let who runs it put a file %s.yaml with urls: [%s] into its --credentials-dir (drover hub --help)", what, name, to)
}

// Check says which files are no credentials. They are left out, and the others count.
func (f *Folder) Check() error {
	_, bad, err := f.read()
	return errors.Join(err, bad)
}

// The modes of files with credentials. Who may write one can have the hub send what is in it elsewhere, so it is
// refused. Who may read one has it: that is said. Files of a volume that the kubelet mounts are links through ..data,
// readable as their defaultMode says, and only there for the containers of the pod: nothing is said of those.
const (
	othersWrite = 0o022
	othersRead  = 0o004
	mounted     = "..data"
)

// Exposed names the files that every user of the machine may read.
func (f *Folder) Exposed() (names []string) {
	entries, err := os.ReadDir(f.Dir)
	if f.Dir == "" || err != nil {
		return nil // Check says so
	}
	for _, e := range entries {
		file := filepath.Join(f.Dir, e.Name())
		info, err := os.Stat(file)
		if err != nil || !strings.HasSuffix(e.Name(), ".yaml") && !strings.HasSuffix(e.Name(), ".agekey") || info.Mode().Perm()&othersRead == 0 || isMounted(file) {
			continue
		}
		names = append(names, e.Name())
	}
	return names
}

// isMounted says whether a file is one of a volume that the kubelet writes.
func isMounted(file string) bool {
	to, err := os.Readlink(file)
	return err == nil && strings.HasPrefix(to, mounted+"/")
}

// read reads all files, and says which of them cannot be used.
func (f *Folder) read() (all map[string]Credential, bad, err error) {
	if f.Dir == "" {
		return nil, nil, nil
	}
	entries, err := os.ReadDir(f.Dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read the credentials: %w: correct --credentials-dir", err)
	}
	all = map[string]Credential{}
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), ".yaml")
		if !is || strings.HasPrefix(e.Name(), ".") { // a mounted Secret keeps itself in ..data
			continue
		}
		c, err := readFile(filepath.Join(f.Dir, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // replaced just now
		case err != nil:
			bad = errors.Join(bad, fmt.Errorf("read the credential %s: %w", e.Name(), err))
		default:
			all[name] = c
		}
	}
	return all, bad, nil
}

// lineOf finds the line in what a YAML parser says; the rest may quote a secret.
var lineOf = regexp.MustCompile(`line (\d+)`)

func readFile(file string) (c Credential, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return c, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return c, errors.New("it is no file with a credential: see drover hub --help")
	}
	if info.Mode().Perm()&othersWrite != 0 && !isMounted(file) {
		return c, fmt.Errorf("others than its owner may write it (mode %04o), and could have what is in it sent elsewhere: chmod go-w it",
			info.Mode().Perm())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return c, err
	}
	if data, err = yaml.YAMLToJSONStrict(data); err != nil {
		return c, fmt.Errorf("it is no YAML%s: correct it", at(err))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(&c) != nil {
		return c, errors.New("it has a field that no credential has, or a value of another kind than that field's: see drover hub --help for the form")
	}
	return c, c.check()
}

func at(err error) string {
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		return " (line " + m[1] + ")"
	}
	return ""
}

// check refuses what could be used otherwise than it is meant.
func (c Credential) check() error {
	if len(c.URLs) == 0 {
		return errors.New("it says under no urls where it may be sent: add the beginnings of addresses, such as https://github.com/acme/")
	}
	for _, u := range c.URLs {
		if _, err := parse(u); err != nil {
			return fmt.Errorf("urls: %w", err)
		}
	}
	if err := checkHeaders(c.Headers); err != nil {
		return err
	}
	ways := 0
	for _, set := range []bool{c.Username+c.Password != "", c.Token != "", c.GitHubApp != nil} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		return errors.New("it has more than one of username and password, token, githubApp: keep one")
	case (c.Certificate == "") != (c.Key == ""):
		return errors.New("certificate and key belong together: give both")
	case c.GitHubApp != nil && (c.GitHubApp.ID <= 0 || c.GitHubApp.Installation <= 0 || c.GitHubApp.PrivateKey == ""):
		return errors.New("githubApp is to have id, installation and privateKey")
	}
	return nil
}

const maxHeaders = 20

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// checkHeaders refuses headers that would change what a request is rather than who asks. It quotes no value.
func checkHeaders(headers map[string]string) error {
	if len(headers) > maxHeaders {
		return fmt.Errorf("it has more than %d headers", maxHeaders)
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		switch value := headers[name]; {
		case !headerName.MatchString(name):
			return errors.New("headers: the name of a header has letters, digits and - alone")
		case slices.Contains([]string{"host", "content-length", "transfer-encoding", "connection", "upgrade", "te",
			"trailer"},
			strings.ToLower(name)):
			return fmt.Errorf("headers: %s is not sent: remove it", name)
		case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return fmt.Errorf("headers: the value of %s has a line break or another control character", name)
		}
	}
	return nil
}

// place is an address, in the one form in which addresses are compared.
type place struct{ scheme, host, path string }

func (p place) String() string { return p.scheme + "://" + p.host + p.path }

// scpLike is git's short form of an ssh address.
var scpLike = regexp.MustCompile(`^([^@/:]+@)?([^/:]+):(.*)$`)

// parse reads an address, without its user, and with what . and .. in it mean.
func parse(address string) (place, error) {
	if m := scpLike.FindStringSubmatch(address); m != nil && !strings.Contains(address, "://") {
		return place{"ssh", strings.ToLower(m[2]), path.Clean("/" + m[3])}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "ssh", "oci"}, u.Scheme) {
		return place{}, errors.New("an address of a source is to begin with https://, http://, ssh:// or oci://")
	}
	return place{u.Scheme, strings.ToLower(u.Host), path.Clean("/" + u.Path)}, nil
}

// reach is how much of an address a credential's longest matching beginning covers; -1 if it is not for it. Beginnings
// end where a name in the path does: /acme does not cover /acme-evil.
func (c Credential) reach(to place) int {
	longest := -1
	for _, u := range c.URLs {
		from, err := parse(u)
		if err != nil || from.scheme != to.scheme || from.host != to.host {
			continue
		}
		if from.path == "/" || from.path == to.path || strings.HasPrefix(to.path, from.path+"/") {
			longest = max(longest, len(from.path))
		}
	}
	return longest
}
