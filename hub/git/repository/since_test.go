package repository

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// say commits with a message, at a time.
func say(t *testing.T, r *gittest.Repo, file, message string, at time.Time) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.Dir, file), []byte(message), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Git("add", "-A")
	stamp := at.Format(time.RFC3339)
	r.Git("-c", "user.name=Ann", "commit", "-q", "--date", stamp, "-m", message)
	return r.Git("rev-parse", "HEAD")
}

// values are what trailers say since a revision.
func values(t *testing.T, s *Snapshot, since string) (out []string) {
	t.Helper()
	trailers, err := s.Trailers(t.Context(), since, "Drover-Deletions")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range trailers {
		if len(x.Commit) != 40 || x.Author == "" {
			t.Errorf("%+v", x)
		}
		out = append(out, x.Value)
	}
	slices.Sort(out)
	return out
}

func TestTrailersOfTheCommitsThatCameSince(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	trailer := func(n string) string { return "change\n\nwhy\n\nDrover-Deletions: approved " + n }
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := say(t, r, "a", trailer("one"), start)
	r.Git("switch", "-q", "-c", "side")
	side := say(t, r, "side", trailer("side"), start.Add(time.Hour))
	r.Git("switch", "-q", "main")
	two := say(t, r, "a", trailer("two"), start.Add(2*time.Hour))
	r.Git("merge", "-q", "--no-edit", "side")
	merged := r.Git("rev-parse", "HEAD")
	three := say(t, r, "a", "no reason\n\ndrover-deletions : approved three\nSigned-off-by: Ann\n", start)
	all := map[string]string{one: "approved one", side: "approved side", two: "approved two", three: "approved three"}
	for _, to := range []string{one, side, two, merged, three} {
		for _, from := range []string{one, side, two, merged, three} {
			var want []string // as git has it
			for id := range strings.FieldsSeq(r.Git("rev-list", from+".."+to)) {
				if all[id] != "" {
					want = append(want, all[id])
				}
			}
			slices.Sort(want)
			if got := values(t, at(r, to), from); !slices.Equal(got, want) {
				t.Errorf("%.8s..%.8s: %q, want %q", from, to, got, want)
			}
		}
	}
	for what, since := range map[string]string{"no commit": "main", "one that is not there": strings.Repeat("ab", 20),
		"none": ""} {
		if got := values(t, at(r, three), since); got != nil {
			t.Errorf("since %s: %q", what, got)
		}
	}

	shallow := gittest.New(t)
	gittest.Git(t, "", "clone", "-q", "--depth", "1", "file://"+r.Dir, shallow.Dir+"/shallow")
	shallow.Dir += "/shallow"
	if got := values(t, at(shallow, three), one); got != nil {
		t.Errorf("a clone that is not complete says %q", got)
	}
}

func TestTooManyCommitsSayNothing(t *testing.T) {
	t.Parallel()
	const message = "change\n\nwhy\n\nDrover-Deletions: approved\n"
	r := gittest.New(t)
	first := r.Commit("a", "1")
	var stream bytes.Buffer
	for i := range maxSince + 10 {
		fmt.Fprintf(&stream, "commit refs/heads/many\ncommitter Ann <ann@example.com> %d +0000\ndata %d\n%s",
			1_700_000_000+i*7200, len(message), message)
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", first)
		}
	}
	r.FastImport(stream.Bytes())
	tip := r.Git("rev-parse", "many")
	if got := values(t, at(r, tip), first); got != nil {
		t.Errorf("%d values", len(got))
	}
	if got := values(t, at(r, tip), r.Git("rev-parse", "many~3")); len(got) != 3 {
		t.Errorf("since the third last: %q", got)
	}
}
