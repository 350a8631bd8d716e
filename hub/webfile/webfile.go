package webfile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/outbound"
)

// What a file may take.
const (
	maxFile   = 16 << 20 // bytes, as much as a build reads of one file
	fetchTime = time.Minute
	dialTime  = 15 * time.Second
)

// Access is what it takes to reach a server. The zero value is for a public one.
type Access struct {
	Username, Password string
	Token              string // sent as bearer instead
	CA                 []byte // PEM certificates to trust beside those of this system
	Certificate, Key   []byte // of the client, PEM
}

// Remote fetches one file (fetch.Remote).
type Remote struct {
	source model.Source
	dir    string
	access func(context.Context) (Access, error)
}

// NewRemote prepares to fetch a model.SourceFile, and keeps it below dir. It asks nobody yet: an error says that the
// address can never be fetched.
func NewRemote(s model.Source, dir string, access func(context.Context) (Access, error)) (*Remote, error) {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is no URL: percent-encode what is special in it", s) // the error of url.Parse quotes it
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("%s is not the https:// address of a file: correct it", s)
	case u.User != nil:
		return nil, fmt.Errorf("%s: its address contains a user: give credentials by reference, `drover hub --help` says how", s)
	}
	return &Remote{source: s, dir: dir, access: access}, nil
}

// Names in a Remote's folder.
const (
	fileName   = "file"
	stateName  = "state.json"
	unfinished = ".part"
)

// state says what is kept.
type state struct {
	Digest   string `json:"digest"`
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"modified,omitempty"`
}

// Fetch implements fetch.Remote.
func (r *Remote) Fetch(ctx context.Context) (model.View, error) {
	access, err := r.access(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	data, before := r.kept()
	answer, err := r.ask(ctx, access, before)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotModified && before.Digest != "":
		return r.view(data, before)
	case r.source.Optional && answer.StatusCode >= 400 && answer.StatusCode < 500:
		return r.settle(nil, state{})
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return nil, r.refused(answer.StatusCode)
	}
	if data, err = io.ReadAll(io.LimitReader(answer.Body, maxFile+1)); err != nil {
		return nil, r.unreachable(err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("fetch %s: it is larger than the %d MiB that are fetched: is it what it should be?", r.source, maxFile>>20)
	}
	return r.settle(data, state{ETag: answer.Header.Get("ETag"), Modified: answer.Header.Get("Last-Modified")})
}

// settle keeps what was fetched.
func (r *Remote) settle(data []byte, now state) (model.View, error) {
	now.Digest = digest(data)
	if err := r.keep(data, now); err != nil {
		return nil, err
	}
	return r.view(data, now)
}

// kind matches what every manifest has.
var kind = regexp.MustCompile(`(?m)(^|[{,]\s*)\s*["']?kind["']?\s*:`)

// manifest says whether a file may have manifests in it, and is no page for people.
func manifest(data []byte) bool {
	return kind.Match(data) && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("<"))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ask sends the request. Credentials go along to the server of the address alone: net/http drops them where a redirect
// leads to another.
func (r *Remote) ask(ctx context.Context, access Access, before state) (*http.Response, error) {
	client, err := r.client(access)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.source.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: its address is no URL: correct it", r.source)
	}
	req.Header.Set("User-Agent", "drover")
	switch {
	case access.Token != "":
		req.Header.Set("Authorization", "Bearer "+access.Token)
	case access.Username+access.Password != "":
		req.SetBasicAuth(access.Username, access.Password)
	}
	if before.ETag != "" {
		req.Header.Set("If-None-Match", before.ETag)
	} else if before.Modified != "" {
		req.Header.Set("If-Modified-Since", before.Modified)
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, r.unreachable(err)
	}
	return answer, nil
}

// client is made for each request, so that a certificate that was replaced counts at once; files are asked for rarely.
func (r *Remote) client(access Access) (*http.Client, error) {
	transport, err := outbound.Transport(dialTime, access.CA, access.Certificate, access.Key)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", r.source, err)
	}
	transport.DisableKeepAlives = true
	return &http.Client{Transport: transport, CheckRedirect: follow}, nil
}

// follow follows redirects, but not from https to http.
func follow(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return errors.New("it redirects without end")
	case via[0].URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("it redirects from https to http")
	}
	return nil
}

// unreachable tells of a server that gave no answer. The error's own text may repeat the address with what is secret in
// it.
func (r *Remote) unreachable(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	hint := "it is tried again; is the address right, and the network open?"
	var forbidden *outbound.ForbiddenError
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &forbidden):
		hint = "name another address, or let the operator of the hub allow it (drover hub --allow-source-address)"
	case errors.As(err, &unknown):
		hint = "give the CA certificate of the server by reference"
	}
	return fmt.Errorf("fetch %s: the server cannot be reached: %v (%s)", r.source, err, hint)
}

// refused tells of a server that answered otherwise than with a file.
func (r *Remote) refused(status int) error {
	hint := "it is tried again; does the server work?"
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		hint = "give credentials for the server by reference, or correct them"
	case http.StatusNotFound, http.StatusGone:
		hint = "correct the address"
	}
	return fmt.Errorf("fetch %s: the server answers %d %s (%s)", r.source, status, http.StatusText(status), hint)
}

// keep writes what was fetched: first the file, so that what is kept is never another than the state says.
func (r *Remote) keep(data []byte, now state) error {
	about, err := json.Marshal(now)
	if err == nil {
		err = os.MkdirAll(r.dir, 0o700)
	}
	for name, content := range map[string][]byte{fileName: data, stateName: about} {
		if err == nil {
			err = os.WriteFile(filepath.Join(r.dir, name+unfinished), content, 0o600)
		}
	}
	for _, name := range []string{fileName, stateName} {
		if err == nil {
			err = os.Rename(filepath.Join(r.dir, name+unfinished), filepath.Join(r.dir, name))
		}
	}
	if err != nil {
		return fmt.Errorf("keep %s: %w", r.source, err)
	}
	return nil
}

// kept is what an earlier fetch kept; nil if there is nothing, or it was interrupted.
func (r *Remote) kept() ([]byte, state) {
	var s state
	about, err := os.ReadFile(filepath.Join(r.dir, stateName))
	if err != nil || json.Unmarshal(about, &s) != nil {
		return nil, state{}
	}
	data, err := os.ReadFile(filepath.Join(r.dir, fileName))
	if err != nil || digest(data) != s.Digest {
		return nil, state{}
	}
	return data, s
}

// Kept implements fetch.Remote.
func (r *Remote) Kept() model.View {
	data, s := r.kept()
	if s.Digest == "" {
		return nil
	}
	view, err := r.view(data, s)
	if err != nil {
		return nil
	}
	return view
}

func (r *Remote) view(data []byte, s state) (model.View, error) {
	files := map[string]memtree.File{model.RemoteFile: {Data: data}}
	if r.source.Optional && !manifest(data) {
		clear(files)
	}
	return memtree.New(files, model.Revision{Hash: s.Digest, Subject: r.source.String()})
}

// Close implements fetch.Remote.
func (r *Remote) Close() error { return nil }
