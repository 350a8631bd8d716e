package kube_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/test/testenv"
	"k8s.io/client-go/rest"
)

// tap remembers everything that the API server answers.
type tap struct {
	next http.RoundTripper

	mu   sync.Mutex // guards seen
	seen bytes.Buffer
}

func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(r)
	if err == nil {
		resp.Body = &tapped{resp.Body, p}
	}
	return resp, err
}

type tapped struct {
	io.ReadCloser
	p *tap
}

func (b *tapped) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.p.seen.Write(data[:n])
	return n, err
}

func (p *tap) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

// Of kinds without health only metadata crosses the wire, in lists and in watches: the agent never reads a Secret back.
func TestContentsAreNotReadBack(t *testing.T) {
	t.Parallel()
	cp := testenv.Shared(t)
	ns := testenv.NamespaceT(t, cp)
	p := &tap{}
	client, err := kube.New(&rest.Config{Host: cp.URL, BearerToken: cp.Token, TLSClientConfig: rest.TLSClientConfig{CAData: cp.CA},
		WrapTransport: func(rt http.RoundTripper) http.RoundTripper { p.next = rt; return p }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	secret := func(name, value string) {
		t.Helper()
		_, err := cp.Kube().Apply(t.Context(), "test", fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s, labels: {drover.dev/app: web}}\ndata: {password: %s}\n", name, ns, value))
		if err != nil {
			t.Fatal(err)
		}
	}
	secret("listed", "aHVudGVyMg==")
	res, err := client.Resolve(t.Context(), "v1", "Secret")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sightings := make(chan agent.Sighting, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		client.Watch(ctx, res, "", agent.Rules{}, func(s agent.Sighting) { sightings <- s })
	}()
	until := func(kind agent.SightingKind, name string) agent.Sighting {
		t.Helper()
		for {
			select {
			case s := <-sightings:
				if s.Kind == kind && (name == "" || s.Live.Ref.Name == name) {
					return s
				}
			case <-soon(t).Done():
				t.Fatalf("timed out waiting for sighting %d of %q", kind, name)
			}
		}
	}
	if s := until(agent.SightObject, "listed"); len(s.Live.Managed) == 0 || s.Live.App != "web" || s.Live.Version == 0 {
		t.Errorf("the listed Secret is seen as %+v", s.Live)
	}
	until(agent.SightWatching, "")
	secret("watched", "aHVudGVyMg==")
	if s := until(agent.SightObject, "watched"); len(s.Live.Managed) == 0 {
		t.Errorf("the watched Secret is seen as %+v", s.Live)
	}
	cancel()
	<-done
	if text := p.text(); strings.Contains(text, "aHVudGVyMg") || !strings.Contains(text, "watched") {
		t.Errorf("a Secret's content was read back:\n%s", text)
	}
}
