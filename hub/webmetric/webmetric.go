// Package webmetric asks an HTTP server for the value that a gate of a rollout judges, as the web provider of Argo
// Rollouts' AnalysisTemplates does: the answer is JSON, and a path leads to the value in it.
//
// It may import fleet, hub/jsonpath, internal/outbound and the standard library.
package webmetric

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/jsonpath"
	"github.com/drover-dev/drover/internal/outbound"
)

const maxAnswer = 1 << 20 // bytes of one

// Login is what a server asks for.
type Login struct {
	Username, Password, Token string
	Headers                   map[string]string
	CA                        string // PEM; authorities beside those of the system
	Certificate, Key          string // PEM of the client's own; none, if empty
}

// Asker asks. It is safe for concurrent use.
type Asker struct {
	// Login gives the credential of a name for an address; the zero Login if name is "" and there is none.
	Login func(ctx context.Context, address, name string) (Login, error)
	// Local lets servers be at addresses of this machine and of its link; Allowed are single exceptions.
	Local   bool
	Allowed []outbound.Allowed
}

// Fetch asks for the value of a gate: what encoding/json decodes it as. An error says why there is none. Redirects are
// not followed: the login is for the address that the policy names.
func (a *Asker) Fetch(ctx context.Context, w rollout.Web) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, w.Timeout)
	defer cancel()
	if !a.Local {
		ctx = outbound.Restrict(ctx, a.Allowed...)
	}
	path, err := jsonpath.Parse(w.JSONPath)
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(w.URL)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" {
		return nil, fmt.Errorf("the address %.200q is no http or https URL", w.URL)
	}
	if to.User != nil {
		return nil, errors.New("the address has a password in it: name a credential of the hub instead")
	}
	login, err := a.Login(ctx, w.URL, w.Credential)
	if err != nil {
		return nil, err
	}
	data, err := ask(ctx, to, w, login)
	if err != nil {
		return nil, fmt.Errorf("ask %s://%s%s: %w", to.Scheme, to.Host, to.Path, err) // without what is secret in a query
	}
	return read(data, path)
}

func ask(ctx context.Context, to *url.URL, w rollout.Web, login Login) ([]byte, error) {
	transport, err := outbound.Transport(10*time.Second, []byte(login.CA), []byte(login.Certificate), []byte(login.Key))
	if err != nil {
		return nil, err
	}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, w.Method, to.String(), strings.NewReader(w.Body))
	if err != nil {
		return nil, errors.New("the request cannot be made: correct method and url")
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "drover")
	if w.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range login.Headers {
		req.Header.Set(name, value)
	}
	switch {
	case login.Token != "":
		req.Header.Set("Authorization", "Bearer "+login.Token)
	case login.Username != "" || login.Password != "":
		req.SetBasicAuth(login.Username, login.Password)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, fmt.Errorf("it answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)
	}
	return data, nil
}

// read takes the value out of an answer.
func read(data []byte, path jsonpath.Path) (any, error) {
	var document any
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("the answer is no JSON: %.100s", bytes.Join(bytes.Fields(data[:min(len(data), 200)]),
			[]byte(" ")))
	}
	return path.In(document)
}
