package git

import (
	"slices"
	"testing"
	"time"
)

func TestASnapshotKnowsItsHistory(t *testing.T) {
	r := newRepo(t)
	one := r.commit("a", "1")
	r.git("switch", "-q", "-c", "side")
	side := r.commit("side", "1")
	r.git("switch", "-q", "main")
	two := r.commit("a", "2")
	r.git("merge", "-q", "--no-edit", "side")
	merged := r.git("rev-parse", "HEAD")
	later := r.commit("a", "3")
	snap := r.at(merged)
	const unknown = "00000000000000000000000000000000000000aa"
	for range 2 { // what was read once is not read again
		for what, want := range map[string][]string{"newer": {later}, "unknown": {unknown}, "no id": {"main"}, "none": {}} {
			asked := append([]string{one, side, two, merged}, want...)
			got, err := snap.Lacks(t.Context(), append(asked, want...))
			if err != nil || !slices.Equal(got, want) && len(want)+len(got) > 0 {
				t.Errorf("%s: lacks %q, %v, want %q", what, got, err, want)
			}
		}
	}
	if got, err := r.at(one).Lacks(t.Context(), []string{two}); err != nil || len(got) != 1 {
		t.Errorf("the first commit knows a later one: %q, %v", got, err)
	}

	shallow := newRepo(t)
	runGit(t, "", "clone", "-q", "--depth", "1", "file://"+r.dir, shallow.dir+"/shallow")
	shallow.dir += "/shallow"
	if got, err := shallow.at(later).Lacks(t.Context(), []string{later, one}); err != nil || !slices.Equal(got, []string{one}) {
		t.Errorf("a shallow clone lacks %q, %v, want what it does not have", got, err)
	}
}

// What a mirror has from before a restart is not taken for where the branch is now.
func TestAMirrorFromBeforeSaysThatItWasNotFetched(t *testing.T) {
	r := newRepo(t)
	one := r.commit()
	srv := serve(t)
	opts := Options{URL: srv.push(r, "fleet.git"), Dir: t.TempDir(), PollInterval: watched}
	first := next(t, open(t, opts), "")
	if first.Fetched().IsZero() || time.Since(first.Fetched()) > time.Minute {
		t.Errorf("fetched at %s", first.Fetched())
	}
	srv.broken.Store(503)
	s := open(t, opts)
	old := next(t, s, "")
	wantHash(t, old, one)
	if !old.Fetched().IsZero() {
		t.Errorf("the mirror from before was fetched at %s", old.Fetched())
	}
	nextError(t, s, one)
	srv.broken.Store(0)
	back := next(t, s, one)
	wantHash(t, back, one)
	if back.Fetched().IsZero() {
		t.Error("that the repository was reached is not told")
	}
}
