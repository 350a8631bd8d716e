package repository_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/repository"
)

// ociRegistry is a real registry in this process, for one user.
type ociRegistry struct {
	host string
	asks atomic.Int32
	sent atomic.Pointer[func([]byte) []byte] // changes blobs on their way, if set
}

const registryUser, registryPassword = "me", "hunter2"

var inRegistry = repository.Access{Username: registryUser, Password: registryPassword, PlainHTTP: true}

func newRegistry(t testing.TB) *ociRegistry {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(registryPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "htpasswd")
	if err := os.WriteFile(users, fmt.Appendf(nil, "%s:%s\n", registryUser, hash), 0o600); err != nil {
		t.Fatal(err)
	}
	logrus.SetOutput(io.Discard) // the registry has no logger of its own
	config := &configuration.Configuration{Storage: configuration.Storage{"inmemory": nil, "maintenance": {"uploadpurging": map[any]any{"enabled": false}}}}
	config.Auth = configuration.Auth{"htpasswd": {"realm": "test", "path": users}}
	config.Catalog.MaxEntries = 1000
	r := &ociRegistry{}
	app := handlers.NewApp(t.Context(), config)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asks.Add(1)
		if change := r.sent.Load(); change != nil && strings.Contains(req.URL.Path, "/blobs/") {
			answer := httptest.NewRecorder()
			app.ServeHTTP(answer, req)
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write((*change)(answer.Body.Bytes()))
			return
		}
		app.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// blobOf makes a descriptor.
func blobOf(mediaType string, data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// push pushes an artifact of one layer, as helm push does, and gives the digest of its manifest.
func (r *ociRegistry) push(t testing.TB, path, tag, layerType string, layer []byte) string {
	t.Helper()
	repository, err := remote.NewRepository(r.host + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	repository.PlainHTTP = true
	repository.Client = &auth.Client{Credential: auth.StaticCredential(r.host, auth.Credential{Username: registryUser, Password: registryPassword})}
	config := []byte(`{"name":"redis"}`)
	manifest := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, Config: blobOf("application/vnd.cncf.helm.config.v1+json", config), Layers: []ocispec.Descriptor{blobOf(layerType, layer)},
	}
	manifest.SchemaVersion = 2
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []struct {
		is   ocispec.Descriptor
		data []byte
	}{{manifest.Config, config}, {manifest.Layers[0], layer}} {
		if err := repository.Push(t.Context(), b.is, bytes.NewReader(b.data)); err != nil {
			t.Fatal(err)
		}
	}
	described := content.NewDescriptorFromBytes(ocispec.MediaTypeImageManifest, text)
	if err := repository.PushReference(t.Context(), described, bytes.NewReader(text), tag); err != nil {
		t.Fatal(err)
	}
	return described.Digest.String()
}

const chartType = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// TestChartsOfARegistry: by version, constraint, tag and digest, with credentials.
func TestChartsOfARegistry(t *testing.T) {
	r := newRegistry(t)
	byVersion := map[string]string{}
	for _, v := range []string{"1.9.0", "1.10.0", "1.10.1+build.7", "2.0.0-rc.1", "stable"} {
		number := v
		if v == "stable" {
			number = "1.9.0"
		}
		byVersion[v] = r.push(t, "charts/redis", strings.ReplaceAll(v, "+", "_"), chartType, pack(t, manifestOf("redis", number), entry{name: "redis/v", data: v}))
	}
	f, _ := newFetcher(t)
	ref := repository.Reference{Repository: "oci://" + r.host + "/charts", Name: "redis"}
	for asked, want := range map[string]string{
		"": "1.10.1+build.7", "1.9.0": "1.9.0", "^1": "1.10.1+build.7", "~1.9": "1.9.0", ">=2.0.0-0": "2.0.0-rc.1", "1.10.1+build.7": "1.10.1+build.7", "stable": "stable",
		byVersion["1.10.0"]: byVersion["1.10.0"],
	} {
		ref.Version = asked
		if got := mustFetch(t, f, ref, inRegistry); got.Version != want || got.Name != "redis" {
			t.Errorf("%q gives %s %s, want %s", asked, got.Name, got.Version, want)
		}
	}
	whole := repository.Reference{Repository: "oci://" + r.host + "/charts/redis", Version: "1.9.0"}
	if got := mustFetch(t, f, whole, inRegistry); got.Name != "redis" {
		t.Errorf("%+v", got)
	}
	before := r.asks.Load()
	mustFetch(t, f, whole, inRegistry)
	if r.asks.Load() != before {
		t.Error("what is known was asked for again")
	}
	got := mustFetch(t, f, ref, inRegistry)
	result, err := renderer(t).Render(context.Background(), got.Chart(), helm.Options{Release: "rel"})
	if err != nil || len(result.Objects) != 0 {
		t.Errorf("%v %v", result, err)
	}
}

// TestRegistriesThatRefuse, and what is no chart.
func TestRegistriesThatRefuse(t *testing.T) {
	r := newRegistry(t)
	archive := pack(t, manifestOf("redis", "1.0.0"))
	r.push(t, "charts/redis", "1.0.0", chartType, archive)
	r.push(t, "images/app", "1.0.0", "application/vnd.oci.image.layer.v1.tar+gzip", archive)
	f, _ := newFetcher(t)
	ref := repository.Reference{Repository: "oci://" + r.host + "/charts", Name: "redis", Version: "1.0.0"}
	for _, access := range []repository.Access{{PlainHTTP: true}, {PlainHTTP: true, Username: "me", Password: "wrong"}} {
		if e := mustNotFetch(t, f, ref, access, "401"); !strings.Contains(e.Hint, "credentials") {
			t.Error(e)
		}
	}
	for version, want := range map[string]string{"9.9.9": "404", "^9": "none of its 1 published versions fits", "sha256:x": "its digest is none", "sha256:" + strings.Repeat("0", 64): "404"} {
		mustNotFetch(t, f, repository.Reference{Repository: ref.Repository, Name: ref.Name, Version: version}, inRegistry, want)
	}
	mustNotFetch(t, f, repository.Reference{Repository: "oci://" + r.host + "/images/app", Version: "1.0.0"}, inRegistry, "no Helm chart")
	mustNotFetch(t, f, repository.Reference{Repository: "oci://" + r.host + "/Not Valid", Version: "1.0.0"}, inRegistry, "names no place in a registry")
	mustNotFetch(t, f, repository.Reference{Repository: "oci://" + r.host + "/charts/redis:1.0.0", Version: "1.0.0"}, inRegistry, "names no place in a registry")
	mustNotFetch(t, f, repository.Reference{Repository: "oci://127.0.0.1:1/charts", Name: "redis", Version: "1.0.0"}, inRegistry, "cannot be reached")
	changed := func(data []byte) []byte { return bytes.Replace(data, []byte{0x1f, 0x8b}, []byte{0x1f, 0x8c}, 1) }
	r.sent.Store(&changed)
	mustNotFetch(t, f, ref, inRegistry, "not the digest")
	r.sent.Store(nil)
	mustFetch(t, f, ref, inRegistry)
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
