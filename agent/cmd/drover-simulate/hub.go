package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// hub is the hub's API, as far as it is needed.
type hub struct {
	url, token string
	http       *http.Client
}

// answerTimeout is how long the hub may take to answer: thousands ask at a time.
const answerTimeout = 2 * time.Minute

// hub finds the hub.
func (f flags) hub() (hub, error) {
	var known struct{ URL, Token, CA string }
	path := filepath.Join(cmp.Or(f.dataDir, defaultDataDir()), "client.json")
	if data, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(data, &known); err != nil {
			return hub{}, fmt.Errorf("%s is no JSON (%w): remove it and start the hub again", path, err)
		}
	} else if f.url == "" || f.token == "" {
		return hub{}, fmt.Errorf("no hub is known here: %w: name its data directory with --data-dir, or say where it is "+
			"with --hub and --token", err)
	}
	h, ca := hub{url: f.url, token: f.token}, ""
	if h.url == "" || h.url == known.URL {
		h.url, ca = known.URL, known.CA
	}
	if h.token == "" {
		h.token = known.Token
	}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return h, fmt.Errorf("--hub-ca: %w", err)
		}
		ca = string(pem)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64 // or each question is a connection of its own
	if ca != "" {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(ca)) {
			return h, errors.New("the authorities of the hub's API hold no certificate in PEM: see --hub-ca")
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	}
	h.url, h.http = strings.TrimSuffix(h.url, "/"), &http.Client{Transport: transport, Timeout: answerTimeout}
	return h, nil
}

// The states of clusters that matter here, as the API has them.
const (
	stateAwaiting = "awaiting agent"
	stateReleased = "released"
)

// row is a cluster as the API has it.
type row struct{ Name, State string }

// clusters asks for the clusters that a selector chooses, by name.
func (h hub) clusters(ctx context.Context, selector string) ([]row, error) {
	data, err := h.ask(ctx, http.MethodGet, "/api/v1/clusters?selector="+url.QueryEscape(selector))
	if err != nil {
		return nil, err
	}
	var fleet struct{ Clusters []row }
	if err := json.Unmarshal(data, &fleet); err != nil {
		return nil, fmt.Errorf("the answer of %s: %w: is that the address of a Drover hub?", h.url, err)
	}
	return fleet.Clusters, nil
}

// joinToken has the hub make a join token.
func (h hub) joinToken(ctx context.Context, cluster string) ([]byte, error) {
	return h.ask(ctx, http.MethodPost, "/api/v1/clusters/"+url.PathEscape(cluster)+"/token")
}

// maxAnswer is how large an answer may be: ten thousand clusters have some ten MiB.
const maxAnswer = 512 << 20

func (h hub) ask(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, h.url+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("the hub's address %q: %w", h.url, err)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := h.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask the hub: %s: %w", path, err)
	}
	var failure struct{ Error string }
	if resp.StatusCode != http.StatusOK {
		if json.Unmarshal(data, &failure) != nil || failure.Error == "" {
			return nil, fmt.Errorf("%s answers %s: is that the address of a Drover hub?", h.url, resp.Status)
		}
		return nil, errors.New(failure.Error)
	}
	return data, nil
}
