package hub_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"

	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"github.com/drover-dev/drover/hub/credentials"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/helm/repository"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/oci"
	"github.com/drover-dev/drover/hub/webfile"
)

// elsewhere is a server with Git repositories, charts and OCI artifacts, as `drover hub` fetches them.
type elsewhere struct {
	*httptest.Server
	t        *testing.T
	dir      string       // of bare repositories, below git/
	token    atomic.Value // string that is asked for; "" for none
	away     atomic.Bool
	requests atomic.Int64 // for anything
	creds    credentials.Folder

	mu     sync.Mutex
	charts map[string][]byte // by name of the archive
	index  string
}

func newElsewhere(t *testing.T) *elsewhere {
	e := &elsewhere{t: t, dir: t.TempDir(), creds: credentials.Folder{Dir: t.TempDir()}, charts: map[string][]byte{}}
	e.token.Store("")
	program := filepath.Join(strings.TrimSpace(string(must(exec.Command("git", "--exec-path").Output()))), "git-http-backend")
	repositories := &cgi.Handler{Path: program, Root: "/git", Env: []string{"GIT_PROJECT_ROOT=" + e.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1"}, Stderr: io.Discard}
	logrus.SetOutput(io.Discard) // the registry has no logger of its own
	config := &configuration.Configuration{Storage: configuration.Storage{"inmemory": nil, "maintenance": {"uploadpurging": map[any]any{"enabled": false}}}}
	config.Catalog.MaxEntries = 1000
	registry := handlers.NewApp(t.Context(), config)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.requests.Add(1)
		_, password, _ := r.BasicAuth()
		switch want := e.token.Load().(string); {
		case e.away.Load():
			http.Error(w, "away", http.StatusServiceUnavailable)
		case want != "" && password != want:
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			http.Error(w, "log in", http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/git/"):
			repositories.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/v2/"):
			registry.ServeHTTP(w, r)
		default:
			e.chart(w, r)
		}
	}))
	t.Cleanup(e.Close)
	return e
}

// follow makes what the hub follows sources with.
func (e *elsewhere) follow(data string, log *slog.Logger) *fetch.Follower {
	return fetch.NewFollower(filepath.Join(data, "sources"), e.opener(filepath.Join(data, "charts")), 10*time.Millisecond, log)
}

func (e *elsewhere) opener(charts string) fetch.Opener {
	fetcher := must(repository.NewFetcher(charts, 1<<20))
	return func(s model.Source, dir string) (fetch.Remote, error) {
		find := func(ctx context.Context) (credentials.Credential, error) {
			return e.creds.Find(ctx, s.URL, s.Credentials, s.PlainHTTP)
		}
		switch s.Kind {
		case model.SourceHelm:
			return repository.NewRemote(fetcher, s, dir, func(ctx context.Context) (repository.Access, error) {
				c, err := find(ctx)
				return repository.Access{Username: c.Username, Password: c.Password, PlainHTTP: s.PlainHTTP}, err
			})
		case model.SourceFile:
			return webfile.NewRemote(s, dir, func(ctx context.Context) (webfile.Access, error) {
				c, err := find(ctx)
				return webfile.Access{Username: c.Username, Password: c.Password}, err
			})
		case model.SourceOCI:
			return oci.NewRemote(s, dir, func(ctx context.Context) (oci.Access, error) {
				c, err := find(ctx)
				return oci.Access{Username: c.Username, Password: c.Password}, err
			})
		}
		return git.NewRemote(git.Options{URL: s.URL, Branch: s.Branch, Wanted: git.Wanted{Ref: s.Ref, SemVer: s.SemVer, Commit: s.Revision}, Dir: dir,
			Login: func(ctx context.Context) (access.Auth, error) {
				c, err := find(ctx)
				return access.Auth{Username: c.Username, Password: c.Password, Alone: true}, err
			}})
	}
}

// push commits files to a branch of a repository, which is made if need be, tags the commit, and gives the
// repository's address.
func (e *elsewhere) push(name, tag string, files map[string]string) string {
	e.t.Helper()
	bare := filepath.Join(e.dir, name)
	if _, err := os.Stat(bare); err != nil {
		e.git("", "init", "-q", "--bare", "-b", "main", bare)
	}
	work := e.t.TempDir()
	e.git("", "clone", "-q", bare, work)
	for file, text := range files {
		must(0, os.MkdirAll(filepath.Join(work, filepath.Dir(file)), 0o755))
		must(0, os.WriteFile(filepath.Join(work, file), []byte(text), 0o644))
	}
	e.git(work, "add", "-A")
	e.git(work, "commit", "-q", "--allow-empty", "-m", "x")
	e.git(work, "push", "-q", "origin", "HEAD:main")
	if tag != "" {
		e.git(work, "tag", "-f", "-a", "-m", tag, tag)
		e.git(work, "push", "-q", "-f", "origin", tag)
	}
	return e.URL + "/git/" + name
}

func (e *elsewhere) git(dir string, args ...string) {
	e.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		e.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// archive packs files, below a folder.
func archive(folder string, files map[string]string) []byte {
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	pack := tar.NewWriter(zip)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(0, pack.WriteHeader(&tar.Header{Name: folder + name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[name]))}))
		must(pack.Write([]byte(files[name])))
	}
	must(0, pack.Close())
	must(0, zip.Close())
	return out.Bytes()
}

// publish adds a version of a chart to the repository of charts.
func (e *elsewhere) publish(name, version string, files map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	files = maps.Clone(files)
	files["Chart.yaml"] = fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)
	data := archive(name+"/", files)
	file := name + "-" + version + ".tgz"
	e.charts[file] = data
	if e.index == "" {
		e.index = "apiVersion: v1\nentries:\n  " + name + ":\n"
	}
	e.index += fmt.Sprintf("  - {version: %s, digest: %s, urls: [%s]}\n", version, strings.TrimPrefix(digest.FromBytes(data).String(), "sha256:"), file)
}

func (e *elsewhere) chart(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	switch data, ok := e.charts[name]; {
	case name == "index.yaml":
		_, _ = io.WriteString(w, e.index)
	case ok:
		_, _ = w.Write(data)
	default:
		http.NotFound(w, r)
	}
}

// artifact pushes files as `flux push artifact` does, and gives its address.
func (e *elsewhere) artifact(name, tag string, files map[string]string) string {
	e.t.Helper()
	ctx := e.t.Context()
	store := memory.New()
	data := archive("", files)
	layer := ocispec.Descriptor{MediaType: "application/vnd.cncf.flux.content.v1.tar+gzip", Digest: digest.FromBytes(data), Size: int64(len(data))}
	must(0, store.Push(ctx, layer, bytes.NewReader(data)))
	manifest := must(oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, "application/vnd.cncf.flux.config.v1+json", oras.PackManifestOptions{Layers: []ocispec.Descriptor{layer}}))
	must(0, store.Tag(ctx, manifest, tag))
	place := strings.TrimPrefix(e.URL, "http://") + "/" + name
	to := must(remote.NewRepository(place))
	to.PlainHTTP = true
	must(oras.Copy(ctx, store, tag, to, tag, oras.DefaultCopyOptions))
	return "oci://" + place
}

// credential writes one for the server.
func (e *elsewhere) credential(name, password string) {
	text := fmt.Sprintf("urls: ['%s/']\nusername: u\npassword: %s\n", e.URL, password)
	must(0, os.WriteFile(filepath.Join(e.creds.Dir, name+".yaml"), []byte(text), 0o600))
}
