package repository_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/helm/repository"
)

func newFetcher(t testing.TB) (*repository.Fetcher, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "charts")
	f, err := repository.NewFetcher(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return f, dir
}

// site is a web server with files, that counts.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte
	asked    map[string]int // by path; those that were answered 304 count as "PATH unchanged"
	login    string         // "user:password" it wants, if any
	seen     []string       // the Authorization that came along
	noETag   bool
	redirect string
}

func newSite(t testing.TB, secure bool) *site {
	s := &site{files: map[string][]byte{}, asked: map[string]int{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.TrimPrefix(r.URL.Path, "/")
	s.asked[name]++
	s.seen = append(s.seen, r.Header.Get("Authorization"))
	user, password, _ := r.BasicAuth()
	data, ok := s.files[name]
	switch {
	case s.redirect != "":
		http.Redirect(w, r, s.redirect, http.StatusFound)
	case s.login != "" && s.login != user+":"+password:
		w.WriteHeader(http.StatusUnauthorized)
	case !ok:
		http.NotFound(w, r)
	default:
		etag := fmt.Sprintf(`"%x"`, len(data))
		if !s.noETag {
			w.Header().Set("ETag", etag)
		}
		if r.Header.Get("If-None-Match") == etag {
			s.asked[name+" unchanged"]++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(data)
	}
}

func (s *site) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

func (s *site) put(name string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = data
}

// publish puts versions of a chart on the site, with an index as `helm repo index` writes it.
func (s *site) publish(t testing.TB, chart string, versions ...string) {
	t.Helper()
	index := "apiVersion: v1\nentries:\n  a-first:\n  - version: 9.9.9\n    urls:\n    - x.tgz\n  " + chart + ":\n"
	for _, v := range versions {
		archive := pack(t, manifestOf(chart, v), entry{name: chart + "/templates/a.yaml", data: aConfigMap})
		s.put("charts/"+chart+"-"+v+".tgz", archive)
		index += fmt.Sprintf("  - apiVersion: v2\n    description: |\n      text with\n      redis:\n    digest: %s\n    name: %s\n    urls:\n    - charts/%s-%s.tgz\n    version: %s\n", strings.TrimPrefix(digestOf(archive), "sha256:"), chart, chart, v, v)
	}
	s.put("index.yaml", []byte(index+"  z-last:\n  - version: 8.8.8\n    urls: [z.tgz]\ngenerated: \"2026-01-01T00:00:00Z\"\n"))
}

func mustFetch(t testing.TB, f *repository.Fetcher, ref repository.Reference, access repository.Access) repository.Fetched {
	t.Helper()
	got, err := f.Fetch(context.Background(), ref, access)
	if err != nil {
		t.Fatal(err)
	}
	if digestOf(got.Archive) != got.Digest {
		t.Errorf("digest %s", got.Digest)
	}
	return got
}

func mustNotFetch(t testing.TB, f *repository.Fetcher, ref repository.Reference, access repository.Access, want string) *helm.Error {
	t.Helper()
	_, err := f.Fetch(context.Background(), ref, access)
	var e *helm.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("%v, want an *Error of one line with %q", err, want)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is told: %v", err)
	}
	return e
}

// TestVersionsAreChosenAsHelmDoes from an index.
func TestVersionsAreChosenAsHelmDoes(t *testing.T) {
	s := newSite(t, false)
	s.publish(t, "redis", "1.9.0", "1.10.1", "1.10.0", "2.0.0-rc.1", "v0.9.0", "1.2.0+build.7", "not-semver")
	f, _ := newFetcher(t)
	for constraint, want := range map[string]string{
		"": "1.10.1", "*": "1.10.1", "^1.2": "1.10.1", "1.9.x": "1.9.0", "~1.10.0": "1.10.1", ">=2.0.0-0": "2.0.0-rc.1", "2.0.0-rc.1": "2.0.0-rc.1",
		"1.2.0+build.7": "1.2.0+build.7", "0.9.0": "v0.9.0", "1.9.0": "1.9.0", "<1": "v0.9.0", "1.10": "1.10.1",
	} {
		if got := mustFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis", Version: constraint}, repository.Access{}); got.Version != want || got.Name != "redis" {
			t.Errorf("%q gives %s %s, want %s", constraint, got.Name, got.Version, want)
		}
	}
	for constraint, want := range map[string]string{"^3": "the newest is 2.0.0-rc.1", "^2": "pre-releases", "no constraint!": "no version and no constraint"} {
		mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis", Version: constraint}, repository.Access{}, want)
	}
	for _, name := range []string{"nginx", "text with", "description", "entries", "generated"} {
		mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: name}, repository.Access{}, "does not have the chart")
	}
	if got := mustFetch(t, f, repository.Reference{Repository: s.URL + "/charts/redis-1.9.0.tgz"}, repository.Access{}); !bytes.Equal(got.Archive, s.files["charts/redis-1.9.0.tgz"]) {
		t.Error("the archive at a URL is another")
	}
}

// TestIndexesOfEveryStyle are read: JSON, flow style, quoted keys, deep lists.
func TestIndexesOfEveryStyle(t *testing.T) {
	for name, index := range map[string]string{
		"json":   `{"apiVersion":"v1","entries":{"other":[],"redis":[{"version":"1.0.0","urls":["r.tgz"]}]}}`,
		"flow":   "apiVersion: v1\nentries: {redis: [{version: 1.0.0, urls: [r.tgz]}]}\n",
		"quoted": "entries:\n    \"redis\":\n        - urls:\n            - r.tgz\n          version: 1.0.0\n    other: []\napiVersion: v1",
		"mixed":  "entries:\n  other: [{version: 2.0.0, urls: [o.tgz]}]\n  redis:\n  - {version: 1.0.0, urls: [r.tgz]}\n",
		"alias":  "entries:\n  redis: &r\n  - {version: 1.0.0, urls: [r.tgz]}\n  other: *r\n",
		"last":   "apiVersion: v1\nentries:\n  redis:\n  -   urls:\n      - r.tgz\n      version: \"1.0.0\"\n\n# the end",
		"crlf":   "apiVersion: v1\r\nentries:\r\n  redis:\r\n  - urls:\r\n    - r.tgz\r\n    version: 1.0.0\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, false)
			s.put("index.yaml", []byte(index))
			s.put("r.tgz", pack(t, manifestOf("redis", "1.0.0")))
			f, _ := newFetcher(t)
			if got := mustFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{}); got.Version != "1.0.0" {
				t.Errorf("%+v", got)
			}
		})
	}
	for _, index := range []string{"", "<html>", "entries: [", "entries:\n  redis: 5\n", "a: &a [*a]\nentries: {}"} {
		s := newSite(t, false)
		s.put("index.yaml", []byte(index))
		f, _ := newFetcher(t)
		if _, err := f.Fetch(context.Background(), repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{}); err == nil {
			t.Errorf("%q is no index", index)
		}
	}
}

// TestWhatIsKnownIsNotAskedFor again: neither index nor archive.
func TestWhatIsKnownIsNotAskedFor(t *testing.T) {
	s := newSite(t, false)
	s.publish(t, "redis", "1.0.0")
	f, dir := newFetcher(t)
	ref := repository.Reference{Repository: s.URL, Name: "redis", Version: "1.x"}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { mustFetch(t, f, ref, repository.Access{}) })
	}
	wg.Wait()
	if s.count("index.yaml") != 1 || s.count("charts/redis-1.0.0.tgz") != 1 {
		t.Errorf("asked %v", s.asked)
	}
	exact := mustFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis", Version: "1.0.0"}, repository.Access{})
	if s.count("index.yaml unchanged") != 1 || s.count("charts/redis-1.0.0.tgz") != 1 {
		t.Errorf("asked %v", s.asked)
	}
	again, err := repository.NewFetcher(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	ref.Digest = exact.Digest
	if got := mustFetch(t, again, ref, repository.Access{}); !bytes.Equal(got.Archive, exact.Archive) {
		t.Error("another archive")
	}
	ref.Digest = "sha256:" + strings.Repeat("0", 64)
	if e := mustNotFetch(t, again, ref, repository.Access{}, "cannot be reached"); !e.Transient {
		t.Error("what cannot be reached is tried again")
	}
}

// TestCredentialsGoWhereTheyBelong and nowhere else.
func TestCredentialsGoWhereTheyBelong(t *testing.T) {
	s, elsewhere := newSite(t, false), newSite(t, false)
	s.login = "me:hunter2"
	archive := pack(t, manifestOf("redis", "1.0.0"))
	elsewhere.put("r.tgz", archive)
	s.put("index.yaml", []byte("entries:\n  redis:\n  - {version: 1.0.0, urls: [\""+elsewhere.URL+"/r.tgz\"]}\n  here:\n  - {version: 1.0.0, urls: [h.tgz]}\n"))
	s.put("h.tgz", archive)
	f, _ := newFetcher(t)
	me := repository.Access{Username: "me", Password: "hunter2"}
	if e := mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{}, "401"); !strings.Contains(e.Hint, "credentials") {
		t.Error(e)
	}
	mustFetch(t, f, repository.Reference{Repository: s.URL, Name: "here"}, me)
	mustFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis"}, me)
	if strings.Join(elsewhere.seen, "") != "" {
		t.Errorf("another host was given %q", elsewhere.seen)
	}
	mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{}, "401")
	me.Everywhere = true
	g, _ := newFetcher(t)
	mustFetch(t, g, repository.Reference{Repository: s.URL, Name: "redis"}, me)
	if strings.Join(elsewhere.seen, "") == "" {
		t.Error("another host was not given them, and should have been")
	}
	s.redirect = elsewhere.URL + "/index.yaml"
	elsewhere.seen = nil
	h, _ := newFetcher(t)
	mustNotFetch(t, h, repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{Username: "me", Password: "hunter2"}, "404")
	if len(elsewhere.seen) != 1 {
		t.Errorf("%q", elsewhere.seen)
	}
	mustNotFetch(t, h, repository.Reference{Repository: "https://me:hunter2@charts.example.com", Name: "redis"}, repository.Access{}, "contains a user")
	mustNotFetch(t, h, repository.Reference{Repository: "http://127.0.0.1:1/?token=hunter2", Name: "redis"}, repository.Access{}, "cannot be reached")
}

// TestCertificates: those that are given are trusted, others not; and https stays https.
func TestCertificates(t *testing.T) {
	s, plain := newSite(t, true), newSite(t, false)
	s.publish(t, "redis", "1.0.0")
	f, _ := newFetcher(t)
	ref := repository.Reference{Repository: s.URL, Name: "redis"}
	if e := mustNotFetch(t, f, ref, repository.Access{}, "cannot be reached"); !strings.Contains(e.Hint, "CA certificate") {
		t.Error(e)
	}
	mustNotFetch(t, f, ref, repository.Access{CA: []byte("no PEM")}, "no PEM")
	ca := repository.Access{CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})}
	mustFetch(t, f, ref, ca)
	plain.publish(t, "redis", "1.0.0")
	s.redirect = plain.URL + "/index.yaml"
	g, _ := newFetcher(t)
	mustNotFetch(t, g, ref, ca, "from https to http")
}

// TestHostileRepositories: what is not what was asked for is refused and not kept.
func TestHostileRepositories(t *testing.T) {
	s := newSite(t, false)
	s.publish(t, "redis", "1.0.0")
	s.put("charts/redis-1.0.0.tgz", pack(t, manifestOf("redis", "6.6.6")))
	f, dir := newFetcher(t)
	mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{}, "what was fetched has sha256:")
	s.put("page.tgz", []byte("<html>please log in</html>"))
	mustNotFetch(t, f, repository.Reference{Repository: s.URL + "/page.tgz"}, repository.Access{}, "no chart archive")
	s.put("ok.tgz", pack(t, manifestOf("redis", "1.0.0")))
	mustNotFetch(t, f, repository.Reference{Repository: s.URL + "/ok.tgz", Digest: "sha256:" + strings.Repeat("1", 64)}, repository.Access{}, "was to have digest")
	s.put("big.tgz", make([]byte, helm.MaxChart+1))
	mustNotFetch(t, f, repository.Reference{Repository: s.URL + "/big.tgz"}, repository.Access{}, "larger than the 64 MiB")
	s.put("index.yaml", []byte("entries:\n  redis:\n  - {version: 1.0.0, urls: [\"file:///etc/passwd\"]}\n"))
	mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis"}, repository.Access{}, "no http URL")
	for _, place := range []string{"file:///etc", "charts.example.com", "@stable", "https://", "%"} {
		mustNotFetch(t, f, repository.Reference{Repository: place, Name: "redis"}, repository.Access{}, "no address")
	}
	mustNotFetch(t, f, repository.Reference{Repository: s.URL, Name: "redis", Digest: "sha256:../../etc/passwd"}, repository.Access{}, "is no digest")
	if kept, err := os.ReadDir(dir); err != nil || len(kept) > 0 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

// TestTheCacheIsCheckedAndBounded: a damaged file is fetched again, and what was not used for longest goes first.
func TestTheCacheIsCheckedAndBounded(t *testing.T) {
	s := newSite(t, false)
	dir := filepath.Join(t.TempDir(), "charts")
	f, err := repository.NewFetcher(dir, 2500)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(name string) string {
		noise := make([]byte, 1000)
		for i := range noise {
			noise[i] = byte(i*i) ^ name[0] ^ byte(i>>3)*17
		}
		s.put(name, pack(t, manifestOf("redis", "1.0.0"), entry{name: "redis/noise", data: string(noise)}))
		got := mustFetch(t, f, repository.Reference{Repository: s.URL + "/" + name}, repository.Access{})
		return filepath.Join(dir, strings.TrimPrefix(got.Digest, "sha256:")+".tgz")
	}
	a := fetch("a.tgz")
	if err := os.WriteFile(a, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	fetch("a.tgz")
	if s.count("a.tgz") != 2 {
		t.Errorf("a damaged file was taken: asked %v", s.asked)
	}
	b := fetch("b.tgz")
	fetch("a.tgz")
	c := fetch("c.tgz")
	there := func(name string) bool { _, err := os.Stat(name); return err == nil }
	if !there(a) || there(b) || !there(c) {
		t.Errorf("a %t b %t c %t", there(a), there(b), there(c))
	}
}
