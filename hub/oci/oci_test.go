package oci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/drover-dev/drover/hub/model"
)

// registry has one artifact, acme/app:latest, and asks for what check says.
type registry struct {
	*httptest.Server
	manifest, layer []byte
	check           func(w http.ResponseWriter, r *http.Request) bool
}

func newRegistry(t *testing.T, check func(w http.ResponseWriter, r *http.Request) bool) *registry {
	t.Helper()
	var layer bytes.Buffer
	zip := gzip.NewWriter(&layer)
	files := tar.NewWriter(zip)
	text := "kind: ConfigMap\n"
	must(t, files.WriteHeader(&tar.Header{Name: "app.yaml", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}))
	_, err := io.WriteString(files, text)
	must(t, err)
	must(t, files.Close())
	must(t, zip.Close())
	r := &registry{layer: layer.Bytes(), check: check}
	r.manifest, err = json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": ocispec.MediaTypeImageManifest, "config": ocispec.DescriptorEmptyJSON,
		"layers": []ocispec.Descriptor{{MediaType: ocispec.MediaTypeImageLayerGzip, Digest: digest.FromBytes(r.layer), Size: int64(len(r.layer))}},
	})
	must(t, err)
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(r.serve))
	r.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are what is tested
	r.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *registry) serve(w http.ResponseWriter, req *http.Request) {
	if !r.check(w, req) {
		return
	}
	switch {
	case strings.Contains(req.URL.Path, "/manifests/"):
		w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
		w.Header().Set("Docker-Content-Digest", digest.FromBytes(r.manifest).String())
		w.Header().Set("Content-Length", fmt.Sprint(len(r.manifest)))
		if req.Method != http.MethodHead {
			_, _ = w.Write(r.manifest)
		}
	case strings.Contains(req.URL.Path, "/blobs/"):
		_, _ = w.Write(r.layer)
	default:
		http.NotFound(w, req)
	}
}

// ca is the certificate by which the registry is trusted.
func (r *registry) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
}

// fetch gives the text of the artifact's file.
func (r *registry) fetch(t *testing.T, access Access) (string, error) {
	t.Helper()
	remote, err := NewRemote(model.Source{Kind: model.SourceOCI, URL: "oci://" + strings.TrimPrefix(r.URL, "https://") + "/acme/app"}, t.TempDir(),
		func(context.Context) (Access, error) { return access, nil })
	must(t, err)
	defer func() { must(t, remote.Close()) }()
	view, err := remote.Fetch(t.Context())
	if err != nil {
		return "", err
	}
	data, err := view.ReadFile("app.yaml")
	return string(data), err
}

// clientPair is a certificate of a client that signed itself, and its key.
func clientPair(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	what := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, what, what, private.Public(), private)
	must(t, err)
	text, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
}

// TestARegistryIsReachedWithWhatItAsksFor: its own CA, certificates of the client, a token, user and password; and
// nothing of them is told.
func TestARegistryIsReachedWithWhatItAsksFor(t *testing.T) {
	everyone := func(http.ResponseWriter, *http.Request) bool { return true }
	refused := func(scheme string, ok bool, w http.ResponseWriter) bool {
		if !ok {
			w.Header().Set("WWW-Authenticate", scheme)
			http.Error(w, "", http.StatusUnauthorized)
		}
		return ok
	}
	bearer := func(w http.ResponseWriter, r *http.Request) bool {
		return refused(`Bearer realm="https://nowhere.invalid/token",service="x"`, r.Header.Get("Authorization") == "Bearer s3cret-token", w)
	}
	basic := func(w http.ResponseWriter, r *http.Request) bool {
		user, password, _ := r.BasicAuth()
		return refused(`Basic realm="x"`, user == "robot" && password == "s3cret", w)
	}
	named := func(w http.ResponseWriter, r *http.Request) bool {
		ok := len(r.TLS.PeerCertificates) == 1 && r.TLS.PeerCertificates[0].DNSNames[0] == "hub"
		if !ok {
			http.Error(w, "", http.StatusForbidden)
		}
		return ok
	}
	certificate, key := clientPair(t, "hub")
	_, otherKey := clientPair(t, "hub")
	stranger, strangerKey := clientPair(t, "stranger")
	for _, c := range []struct {
		name   string
		check  func(http.ResponseWriter, *http.Request) bool
		access Access
		noCA   bool
		err    string
	}{
		{name: "its CA", check: everyone},
		{name: "no CA", check: everyone, noCA: true, err: "certificate"},
		{name: "a CA that is none", check: everyone, noCA: true, access: Access{CA: []byte("s3cret")}, err: "the credential's CA certificates are no PEM certificates"},
		{name: "a certificate", check: named, access: Access{Certificate: certificate, Key: key}},
		{name: "no certificate", check: named, err: "fetch oci://"},
		{name: "another client's certificate", check: named, access: Access{Certificate: stranger, Key: strangerKey}, err: "fetch oci://"},
		{name: "a key of another certificate", check: named, access: Access{Certificate: certificate, Key: otherKey}, err: "give certificate and key that belong together"},
		{name: "a token", check: bearer, access: Access{Token: "s3cret-token"}},
		{name: "another token", check: bearer, access: Access{Token: "s3cret-other"}, err: "fetch oci://"},
		{name: "user and password", check: basic, access: Access{Username: "robot", Password: "s3cret"}},
		{name: "another password", check: basic, access: Access{Username: "robot", Password: "s3cret-other"}, err: "fetch oci://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRegistry(t, c.check)
			if !c.noCA {
				c.access.CA = r.ca()
			}
			text, err := r.fetch(t, c.access)
			switch {
			case c.err == "" && (err != nil || text != "kind: ConfigMap\n"):
				t.Errorf("%q, %v", text, err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v, want %q", err, c.err)
			case err != nil && strings.Contains(err.Error(), "s3cret"):
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}
