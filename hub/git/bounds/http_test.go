package bounds

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/transport"
)

// get is what a bounded transport makes of an answer.
func get(t *testing.T, ctx context.Context, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: boundedTransport{http.DefaultTransport}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	return string(data), err
}

// The list of refs is read whole into memory by go-git: it is bounded as it comes, and nothing else is.
func TestListsOfRefsAreBounded(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1000))
	}))
	t.Cleanup(s.Close)
	bounded := func(n int64) context.Context { return Bounds{Advertised: n}.Bounded(t.Context()) }
	for name, c := range map[string]struct {
		ctx  context.Context
		path string
		good bool
	}{
		"too long":             {bounded(999), "/fleet.git/info/refs?service=git-upload-pack", false},
		"as long as it may be": {bounded(1000), "/fleet.git/info/refs", true},
		"short enough":         {bounded(1001), "/fleet.git/info/refs", true},
		"no bounds":            {t.Context(), "/fleet.git/info/refs", true},
		"a pack":               {bounded(10), "/fleet.git/git-upload-pack", true},
	} {
		data, err := get(t, c.ctx, s.URL+c.path)
		var excess *ExcessError
		switch {
		case c.good && (err != nil || len(data) != 1000):
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		case !c.good && (!errors.As(err, &excess) ||
			err.Error() != "the list of its branches and tags is longer than 999 bytes" || len(data) > 999):
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}

// A repository's own authority and client certificate are used for it, and for no other.
func TestCertificatesAreThoseOfTheEndpoint(t *testing.T) {
	t.Parallel()
	asked := make(chan int, 10) // certificates that a client has shown
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- len(r.TLS.PeerCertificates)
		http.Error(w, "no", http.StatusNotFound)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	b := newBoundedHTTP(http.DefaultTransport.(*http.Transport).Clone())
	list := func(edit func(*transport.Endpoint)) error {
		at, err := transport.NewEndpoint(s.URL + "/fleet.git")
		if err != nil {
			t.Fatal(err)
		}
		edit(at)
		had := len(at.CaBundle)
		session, err := b.NewUploadPackSession(at, nil)
		if err != nil {
			return err
		}
		if len(at.CaBundle) != had {
			t.Error("the caller's endpoint was changed")
		}
		_, err = session.AdvertisedReferencesContext(t.Context())
		return errors.Join(err, session.Close())
	}
	if err := list(func(*transport.Endpoint) {}); !errors.As(err, &x509.UnknownAuthorityError{}) {
		t.Errorf("without its authority: %v", err)
	}
	if err := list(func(at *transport.Endpoint) { at.CaBundle = ca }); !errors.Is(err, transport.ErrRepositoryNotFound) {
		t.Errorf("with its authority: %v", err)
	} else if n := <-asked; n != 0 {
		t.Errorf("%d certificates are shown unasked", n)
	}
	both := func(at *transport.Endpoint) { at.CaBundle, at.ClientCert, at.ClientKey = ca, ca, key }
	if err := list(both); !errors.Is(err, transport.ErrRepositoryNotFound) {
		t.Errorf("with a client certificate: %v", err)
	} else if n := <-asked; n != 1 {
		t.Errorf("%d certificates are shown", n)
	}
	if err := list(func(*transport.Endpoint) {}); !errors.As(err, &x509.UnknownAuthorityError{}) {
		t.Errorf("another repository afterwards: %v", err)
	}
	half := func(at *transport.Endpoint) { at.ClientCert = ca }
	if err := list(half); err == nil || !strings.Contains(err.Error(),
		"the client certificate and its key do not belong together") {
		t.Errorf("half a client certificate: %v", err)
	}
	at, err := transport.NewEndpoint(s.URL + "/fleet.git")
	if err != nil {
		t.Fatal(err)
	}
	half(at)
	if _, err := b.NewReceivePackSession(at, nil); err == nil {
		t.Error("half a client certificate is taken for pushing")
	}
}

// Over ssh the bytes of a connection are counted, because go-git asks nobody else.
func TestMeteredConnectionsBreak(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, strings.Repeat("x", 1000))
			_ = conn.Close()
		}
	}()
	read := func(id string) (int, error) {
		u, err := url.Parse(ProxyFor(t.Context(), "ssh", id).URL)
		if err != nil {
			t.Fatal(err)
		}
		d, err := newDirectDialer(u, nil)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		data, err := io.ReadAll(conn)
		return len(data), err
	}
	enough, fine, done := NewMeter(1000)
	defer done()
	scarce, broken, end := NewMeter(999)
	if enough == scarce {
		t.Fatal("two transfers have one meter")
	}
	if n, err := read(enough); n != 1000 || err != nil || fine.Broken() {
		t.Errorf("within bounds: %d bytes, %v", n, err)
	}
	var excess *ExcessError
	if _, err := read(scarce); !errors.As(err, &excess) || !broken.Broken() {
		t.Errorf("beyond bounds: %v", err)
	}
	if _, err := read(enough); !errors.As(err, &excess) || !fine.Broken() {
		t.Errorf("another connection of a transfer that has had enough: %v", err)
	}
	end()
	if n, err := read(scarce); n != 1000 || err != nil {
		t.Errorf("after the transfer: %d bytes, %v", n, err)
	}
}

func TestADialerOfNoAddressIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := newDirectDialer(&url.URL{Scheme: sshDialer, RawQuery: "allow=nowhere"}, nil); err == nil {
		t.Error("an address that is none is allowed")
	}
	if b := Default.Asking(); b.Received != 0 || b.Advertised != Default.Advertised {
		t.Errorf("who only asks may receive %s", fmt.Sprint(b))
	}
}
