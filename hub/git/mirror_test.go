package git

import (
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// What a mirror has from before a restart is not taken for where the branch is now.
func TestAMirrorFromBeforeSaysThatItWasNotFetched(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit()
	srv := gittest.Serve(t)
	opts := Options{URL: srv.Push(r, "fleet.git"), Dir: t.TempDir(), PollInterval: watched}
	first := next(t, open(t, opts), "")
	if first.Fetched().IsZero() || time.Since(first.Fetched()) > time.Minute {
		t.Errorf("fetched at %s", first.Fetched())
	}
	srv.Broken.Store(503)
	s := open(t, opts)
	old := next(t, s, "")
	wantHash(t, old, one)
	if !old.Fetched().IsZero() {
		t.Errorf("the mirror from before was fetched at %s", old.Fetched())
	}
	nextError(t, s, one)
	srv.Broken.Store(0)
	back := next(t, s, one)
	wantHash(t, back, one)
	if back.Fetched().IsZero() {
		t.Error("that the repository was reached is not told")
	}
}
