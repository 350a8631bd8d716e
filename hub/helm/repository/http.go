package repository

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/internal/outbound"
)

// clients are HTTP clients by the certificates that they trust and have.
type clients struct {
	mu   sync.Mutex
	byCA map[string]*http.Client
}

const maxClients = 64

// client gives the client for an Access.
func (c *clients) client(ref Reference, access Access) (*http.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := string(access.CA) + "\x00" + string(access.Certificate) + "\x00" + string(access.Key)
	if known, ok := c.byCA[key]; ok {
		return known, nil
	}
	transport, err := outbound.Transport(15*time.Second, access.CA, access.Certificate, access.Key)
	if err != nil {
		return nil, ref.fail(err.Error(), "see docs/sources.md")
	}
	transport.MaxIdleConnsPerHost, transport.IdleConnTimeout = 4, 30*time.Second
	client := &http.Client{Transport: transport, CheckRedirect: follow}
	if c.byCA == nil || len(c.byCA) >= maxClients {
		c.byCA = map[string]*http.Client{}
	}
	c.byCA[key] = client
	return client, nil
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

// response is what a server said.
type response struct {
	unchanged bool // since the validators were given
	body      []byte
	etag      string
	modified  string
}

// get asks for target. Credentials go along only where they belong. most bounds the body.
func (f *Fetcher) get(ctx context.Context, ref Reference, target string, access Access, before response, most int64) (response, error) {
	client, err := f.clients.client(ref, access)
	if err != nil {
		return response{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return response{}, ref.fail("the address of its archive is no URL", "tell who runs the repository")
	}
	req.Header.Set("User-Agent", "drover")
	switch mine := access.Everywhere || sameHost(req.URL, ref.Repository); {
	case mine && access.Token != "":
		req.Header.Set("Authorization", "Bearer "+access.Token)
	case mine && access.Username+access.Password != "":
		req.SetBasicAuth(access.Username, access.Password)
	}
	if before.etag != "" {
		req.Header.Set("If-None-Match", before.etag)
	} else if before.modified != "" {
		req.Header.Set("If-Modified-Since", before.modified)
	}
	answer, err := client.Do(req)
	if err != nil {
		return response{}, unreachable(ref, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotModified {
		return response{unchanged: true}, nil
	}
	if answer.StatusCode != http.StatusOK {
		return response{}, refused(ref, address(target), answer.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return response{}, unreachable(ref, err)
	}
	if int64(len(body)) > most {
		return response{}, ref.fail(fmt.Sprintf("%s is larger than the %d MiB that are fetched", address(target), most>>20), "is it what it should be?")
	}
	return response{body: body, etag: answer.Header.Get("ETag"), modified: answer.Header.Get("Last-Modified")}, nil
}

// sameHost says whether u has the origin of the repository.
func sameHost(u *url.URL, repository string) bool {
	r, err := url.Parse(repository)
	return err == nil && r.Scheme == u.Scheme && r.Host == u.Host
}

// unreachable tells of a server that gave no answer. The error's own text may repeat an address with what is secret in
// it.
func unreachable(ref Reference, err error) *helm.Error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	e := ref.fail("the repository cannot be reached: "+err.Error(), "it is tried again; is the address right, and the network open?")
	e.Transient = true
	var forbidden *outbound.ForbiddenError
	if errors.As(err, &forbidden) {
		e.Hint = "name another address, or let the operator of the hub allow it (drover hub --allow-source-address)"
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		e.Hint = "give the CA certificate of the repository by reference"
	}
	return e
}

// refused tells of a server that answered otherwise than with what was asked for.
func refused(ref Reference, what string, status int) *helm.Error {
	e := ref.fail(fmt.Sprintf("%s answers %d %s", what, status, http.StatusText(status)), "")
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Hint = "give credentials for the repository by reference, or correct them"
	case status == http.StatusNotFound:
		e.Hint = "check the address of the repository, and the name of the chart"
	default:
		e.Hint = "it is tried again; does the repository work?"
	}
	e.Transient = status != http.StatusNotFound
	return e
}

// fromURL fetches an archive. digest is what it must have, if that is known.
func (f *Fetcher) fromURL(ctx context.Context, ref Reference, target, digest string, access Access) (Fetched, error) {
	if digest != "" {
		if archive := f.cache.get(digest); archive != nil {
			return Fetched{Archive: archive, Name: ref.Name, Version: ref.Version, Digest: digest}, nil
		}
	}
	got, err := f.get(ctx, ref, target, access, response{}, helm.MaxChart)
	if err != nil {
		return Fetched{}, err
	}
	found := Fetched{Archive: got.body, Name: ref.Name, Version: ref.Version, Digest: digestOf(got.body)}
	if digest != "" && found.Digest != digest {
		return Fetched{}, ref.fail(fmt.Sprintf("the index gives its archive digest %s, and what was fetched has %s", digest, found.Digest), "the archive was changed after it was published, or on its way: tell who runs the repository")
	}
	return found, nil
}
