package fetch

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// follow makes a Follower of an upstream that ends with the test. It is to be called in a bubble of synctest.
func follow(t *testing.T, u *upstream, dir string) *Follower {
	f := NewFollower(dir, u.open, 0, slog.New(slog.DiscardHandler))
	t.Cleanup(f.Close)
	return f
}

// moved takes the next key of Moved, which is to be that of a source, within d.
func moved(t *testing.T, f *Follower, s model.Source, d time.Duration) {
	t.Helper()
	select {
	case key := <-f.Moved():
		if key != s.Key() {
			t.Errorf("Moved gives %s, want that of %s", key, s)
		}
	case <-time.After(d):
		t.Fatalf("Moved tells nothing of %s within %s", s, d)
	}
}

// quiet fails if a source moves within d.
func quiet(t *testing.T, f *Follower, d time.Duration) {
	t.Helper()
	select {
	case key := <-f.Moved():
		t.Errorf("%s moved, although nothing is different", key)
	case <-time.After(d):
	}
}

// TestASourceIsFetchedOnceForAllThatUseIt: View never waits, and Moved tells when there is something else to see.
func TestASourceIsFetchedOnceForAllThatUseIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{revision: "one", takes: time.Second}
		f := follow(t, u, dir)
		below := shop
		below.Folder = "deploy" // the same source, seen differently
		for _, s := range []model.Source{shop, below, shop} {
			if _, err := f.View(t.Context(), s); err == nil || !strings.Contains(err.Error(), "is being fetched") {
				t.Errorf("before the first fetch View says %v", err)
			}
		}
		moved(t, f, shop, 2*time.Second)
		for _, s := range []model.Source{shop, below} {
			view, err := f.View(t.Context(), s)
			at(t, view, err, "one")
		}
		if opened, fetched, _ := u.counts(); opened != 1 || fetched != 1 {
			t.Errorf("one source is opened %d times and fetched %d times", opened, fetched)
		}
		quiet(t, f, 2*gitInterval) // it is fetched again, and nothing is different
		if _, fetched, _ := u.counts(); fetched < 2 {
			t.Errorf("in twice its interval the source is fetched %d times", fetched)
		}
		u.set("two", nil)
		moved(t, f, shop, 2*gitInterval)
		view, err := f.View(t.Context(), below)
		at(t, view, err, "two")
	})
}

// TestASourceThatIsAwayIsUsedAsItWas: also by a hub that was restarted meanwhile.
func TestASourceThatIsAwayIsUsedAsItWas(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{err: errAway}
		f := follow(t, u, dir)
		_, _ = f.View(t.Context(), shop)
		moved(t, f, shop, time.Second)
		if _, err := f.View(t.Context(), shop); !errors.Is(err, errAway) {
			t.Errorf("a source that never was there: %v", err)
		}
		quiet(t, f, time.Minute) // the same error is told once
		if _, fetched, _ := u.counts(); fetched < 3 || fetched > 10 {
			t.Errorf("in a minute a source that is away is asked for %d times", fetched)
		}
		u.set("one", nil)
		moved(t, f, shop, gitInterval)

		u.set("", errAway)
		f.Poke()
		moved(t, f, shop, time.Second)
		view, err := f.View(t.Context(), shop)
		at(t, view, err, "one")
		if s := f.States(); len(s) != 1 || s[0].Revision != "one" || s[0].Error != errAway.Error() || s[0].Since != time.Now() {
			t.Errorf("the state is %+v", s)
		}
		f.Close()

		f = follow(t, u, dir)
		view, err = f.View(t.Context(), shop)
		at(t, view, err, "one")
		moved(t, f, shop, time.Second) // the error
		u.set("one", nil)
		f.Poke()
		moved(t, f, shop, time.Second)
		if s := f.States(); len(s) != 1 || s[0].Error != "" || !s[0].Since.IsZero() {
			t.Errorf("the state of a source that is back is %+v", s)
		}
	})
}

// TestASourceThatCannotBeOpenedIsNotFetched: no other try would help.
func TestASourceThatCannotBeOpenedIsNotFetched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{refuses: errors.New("the address has no host")}
		f := follow(t, u, dir)
		if _, err := f.View(t.Context(), shop); !errors.Is(err, u.refuses) {
			t.Errorf("View says %v", err)
		}
		f.Poke()
		quiet(t, f, time.Hour)
		if s := f.States(); len(s) != 1 || s[0].Error != u.refuses.Error() {
			t.Errorf("the state is %+v", s)
		}
	})
}

// TestSourcesAreAskedForAsOftenAsTheyWant: one at a fixed revision once, and none more often than the hub permits.
func TestSourcesAreAskedForAsOftenAsTheyWant(t *testing.T) {
	t.Parallel()
	fixed, often, chart := shop, shop, shop
	fixed.Revision = "0123456789012345678901234567890123456789"
	often.Interval = time.Second
	chart.Kind = model.SourceOCI
	for name, c := range map[string]struct {
		source      model.Source
		least, most int // fetches in an hour
	}{
		"a Git repository": {shop, 54, 68},
		"a fixed revision": {fixed, 1, 1},
		"every second":     {often, 327, 401},
		"an artifact":      {chart, 11, 15},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{revision: "one"}
				f := follow(t, u, dir)
				_, _ = f.View(t.Context(), c.source)
				moved(t, f, c.source, time.Second)
				quiet(t, f, time.Hour)
				if _, fetched, _ := u.counts(); fetched < c.least || fetched > c.most {
					t.Errorf("in an hour it is fetched %d times, want %d to %d", fetched, c.least, c.most)
				}
			})
		})
	}
}

// TestTheNetworkIsAskedForFewSourcesAtOnce: and all of them get their turn.
func TestTheNetworkIsAskedForFewSourcesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		const sources = 3 * maxFetches
		u := &upstream{revision: "one", takes: time.Second}
		f := follow(t, u, dir)
		for i := range sources {
			s := shop
			s.Branch = fmt.Sprint("b", i)
			_, _ = f.View(t.Context(), s)
		}
		for range sources {
			<-f.Moved()
		}
		if u.most != maxFetches {
			t.Errorf("%d fetches ran at once, want %d", u.most, maxFetches)
		}
	})
}

// TestThereIsAMostOfSources: one more is refused with a reason, and those that there are go on.
func TestThereIsAMostOfSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{refuses: errors.New("the address has no host")}
		f := follow(t, u, dir)
		for i := range maxSources {
			s := shop
			s.Branch = fmt.Sprint("b", i)
			_, _ = f.View(t.Context(), s)
		}
		if _, err := f.View(t.Context(), blog); err == nil || !strings.Contains(err.Error(), "let apps share them") {
			t.Errorf("View of one source more says %v", err)
		}
		if n := len(f.States()); n != maxSources {
			t.Errorf("%d sources are followed, want %d", n, maxSources)
		}
	})
}

// TestWhatNothingUsesIsRemoved: its remote is closed and its folder goes, and it can be wanted again.
func TestWhatNothingUsesIsRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left, other := filepath.Join(dir, strings.Repeat("0", len(shop.Key()))), filepath.Join(dir, "other")
	for _, d := range []string{left, other} { // of a former run, and no source
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	there := func(path string) bool { _, err := os.Stat(path); return err == nil }
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{revision: "one"}
		f := follow(t, u, dir)
		for _, s := range []model.Source{shop, blog} {
			_, _ = f.View(t.Context(), s)
			moved(t, f, s, time.Second)
		}
		f.Retain(func(key string) bool { return key == blog.Key() })
		moved(t, f, shop, time.Second)
		if _, _, closed := u.counts(); closed != 1 {
			t.Errorf("%d remotes are closed, want 1", closed)
		}
		if there(filepath.Join(dir, shop.Key())) || there(left) || !there(filepath.Join(dir, blog.Key())) || !there(other) {
			entries, _ := os.ReadDir(dir)
			t.Errorf("%v are left", entries)
		}
		if s := f.States(); len(s) != 1 || s[0].Source != blog.String() {
			t.Errorf("the states are %+v", s)
		}
		u.set("two", nil)
		_, _ = f.View(t.Context(), shop)
		moved(t, f, shop, time.Second)
		view, err := f.View(t.Context(), shop)
		at(t, view, err, "two")
	})
}
