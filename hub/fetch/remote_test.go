package fetch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
)

var (
	shop = model.Source{Kind: model.SourceGit, URL: "https://git.example.com/shop.git"}
	blog = model.Source{Kind: model.SourceGit, URL: "https://git.example.com/blog.git"}
)

// upstream is what the network has: one revision for all sources. It keeps the revision that was fetched last in a file
// of each source's folder.
type upstream struct {
	mu       sync.Mutex
	revision string
	err      error         // of Fetch
	refuses  error         // of open
	takes    time.Duration // one Fetch
	opened   int
	fetched  int
	closed   int
	running  int // fetches that are under way
	most     int // of running
}

// set changes the upstream.
func (u *upstream) set(revision string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.revision, u.err = revision, err
}

// counts gives how often sources were opened, fetched and closed.
func (u *upstream) counts() (opened, fetched, closed int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.opened, u.fetched, u.closed
}

func (u *upstream) open(_ model.Source, dir string) (Remote, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.refuses != nil {
		return nil, u.refuses
	}
	u.opened++
	return &remote{up: u, dir: dir}, os.MkdirAll(dir, 0o755)
}

// remote is one source of an upstream.
type remote struct {
	up  *upstream
	dir string
}

func (r *remote) Fetch(ctx context.Context) (model.View, error) {
	r.up.begin()
	defer r.up.end()
	if r.up.takes > 0 {
		select {
		case <-time.After(r.up.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r.up.mu.Lock()
	revision, err := r.up.revision, r.up.err
	r.up.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(r.dir, "revision"), []byte(revision), 0o644); err != nil {
		return nil, err
	}
	return r.Kept(), nil
}

func (r *remote) Kept() model.View {
	data, err := os.ReadFile(filepath.Join(r.dir, "revision"))
	if err != nil {
		return nil
	}
	view, err := memtree.New(map[string]memtree.File{"revision": {Data: data}}, model.Revision{Hash: string(data)})
	if err != nil {
		panic(err)
	}
	return view
}

func (r *remote) Close() error {
	r.up.mu.Lock()
	defer r.up.mu.Unlock()
	r.up.closed++
	return nil
}

func (u *upstream) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.fetched++
	u.running++
	u.most = max(u.most, u.running)
}

func (u *upstream) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.running--
}

// at fails unless a view is at a revision.
func at(t *testing.T, view model.View, err error, revision string) {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("there is no view: %v; want revision %s", err, revision)
	case view.Revision().Hash != revision:
		t.Errorf("the view is at %s, want %s", view.Revision().Hash, revision)
	}
}

var errAway = errors.New("503 from the server: it is tried again")
