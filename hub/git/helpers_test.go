package git

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/race"
)

// open watches a repository, for as long as the test runs.
func open(t testing.TB, opts Options) *Source {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// next returns the next snapshot, which must come soon.
func next(t testing.TB, s *Source, after string) model.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), race.Patience(90*time.Second))
	defer cancel()
	snap, err := s.Next(ctx, after)
	if err != nil {
		t.Fatalf("next after %.8s: %v", after, err)
	}
	return snap
}

// nextError returns the error of Next, which must come soon and contain all of want.
func nextError(t testing.TB, s *Source, after string, want ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), race.Patience(90*time.Second))
	defer cancel()
	s.Poke()
	snap, err := s.Next(ctx, after)
	if err == nil {
		t.Fatalf("got %s, want an error with %q", snap.Revision().Hash, want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error is\n  %v\nwithout %q", err, w)
		}
	}
	return err.Error()
}

// wantHash checks what a snapshot is of.
func wantHash(t testing.TB, snap model.Snapshot, hash string) {
	t.Helper()
	if got := snap.Revision().Hash; got != hash {
		t.Fatalf("snapshot is of %s, want %s", got, hash)
	}
}
