package git

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/internal/outbound"
)

func newRemoteOf(t *testing.T, opts Options) Remote {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	opts.Log, _ = gittest.Logger()
	r, err := NewRemote(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func fetched(t *testing.T, r Remote) string {
	t.Helper()
	view, err := r.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return view.Revision().Hash
}

func TestWhatIsWantedOfARepositoryIsFetched(t *testing.T) {
	srv := gittest.Serve(t)
	r := gittest.New(t)
	one := r.Commit("a", "1")
	r.Git("tag", "v1.0.0")
	two := r.Commit("a", "2")
	r.Git("tag", "-a", "-m", "x", "1.2.0")
	r.Git("branch", "release")
	three := r.Commit("a", "3")
	r.Git("tag", "v1.3.0-rc.1")
	r.Git("tag", "release-7")
	url := srv.Push(r, "fleet.git")
	r.Git("push", "-q", "--tags", filepath.Join(srv.Dir, "fleet.git"))
	r.Git("push", "-q", filepath.Join(srv.Dir, "fleet.git"), "HEAD:refs/pull/1/head")
	for _, c := range []struct {
		name   string
		branch string
		wanted Wanted
		want   string
	}{
		{"the branch of its HEAD", "", Wanted{}, three},
		{"a branch", "release", Wanted{}, two},
		{"a tag", "", Wanted{Ref: "v1.0.0"}, one},
		{"an annotated tag", "", Wanted{Ref: "refs/tags/1.2.0"}, two},
		{"a branch where there is no such tag", "", Wanted{Ref: "release"}, two},
		{"another ref", "", Wanted{Ref: "refs/pull/1/head"}, three},
		{"a range of versions, with v and without", "", Wanted{SemVer: "^1.0.0"}, two},
		{"a range with pre-releases", "", Wanted{SemVer: ">=1.0.0-0"}, three},
		{"a commit", "", Wanted{Commit: one}, one},
		{"a commit of a branch", "release", Wanted{Commit: one}, one},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			wantHash := func(got string) {
				t.Helper()
				if got != c.want {
					t.Errorf("at %s, want %s", got, c.want)
				}
			}
			opts := Options{URL: url, Branch: c.branch, Wanted: c.wanted, Dir: dir}
			wantHash(fetched(t, newRemoteOf(t, opts)))
			again := newRemoteOf(t, opts)
			if kept := again.Kept(); kept == nil {
				t.Error("nothing was kept")
			} else {
				wantHash(kept.Revision().Hash)
			}
			wantHash(fetched(t, again))
		})
	}
	for want, w := range map[string]Wanted{
		"it has no tag, branch or other ref nope": {Ref: "nope"}, "none of its tags is a version in the range 9.x": {SemVer: "9.x"},
		"it has no commit 0123456789": {Commit: "0123456789012345678901234567890123456789"},
	} {
		if _, err := newRemoteOf(t, Options{URL: url, Wanted: w}).Fetch(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", w, err, want)
		}
	}
}

func TestATagIsFollowedWhenItMoves(t *testing.T) {
	srv := gittest.Serve(t)
	r := gittest.New(t)
	one := r.Commit("a", "1")
	r.Git("tag", "stable")
	url := srv.Push(r, "fleet.git")
	r.Git("push", "-q", "--tags", filepath.Join(srv.Dir, "fleet.git"))
	remote := newRemoteOf(t, Options{URL: url, Wanted: Wanted{Ref: "stable"}})
	if got := fetched(t, remote); got != one {
		t.Errorf("at %s, want %s", got, one)
	}
	two := r.Commit("a", "2")
	r.Git("tag", "-f", "stable")
	r.Git("push", "-q", "-f", "--tags", filepath.Join(srv.Dir, "fleet.git"))
	if got := fetched(t, remote); got != two {
		t.Errorf("at %s, want %s", got, two)
	}
}

// TestStrangersAreGivenNothingOfThisMachine: neither its disk, nor what only it can reach, nor its user's keys and
// passwords.
func TestStrangersAreGivenNothingOfThisMachine(t *testing.T) {
	for _, url := range []string{"/etc", "file:///etc", ".", "https://user:secret@example.com/x.git", "ftp://example.com/x", ""} {
		if _, err := NewRemote(Options{URL: url, Dir: t.TempDir()}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	srv := gittest.Serve(t)
	r := gittest.New(t)
	r.Commit("a", "1")
	remote := newRemoteOf(t, Options{URL: srv.Push(r, "fleet.git")})
	asked := srv.Requests.Load()
	_, err := remote.Fetch(outbound.Restrict(t.Context()))
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1 is an address of the hub's own machine") || srv.Requests.Load() != asked {
		t.Errorf("an address of this machine: %v", err)
	}
	fetched(t, remote)
}

func TestStrangersDoNotUseTheKeysOfThisMachine(t *testing.T) {
	srv := gittest.ServeSSH(t)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r := gittest.New(t)
	one := r.Commit("a", "1")
	bare := filepath.Join(t.TempDir(), "fleet.git")
	gittest.Git(t, "", "clone", "-q", "--bare", r.Dir, bare)
	url := fmt.Sprintf("ssh://%s@127.0.0.1:%d%s", me.Username, srv.Port, bare)
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	t.Setenv("SSH_AUTH_SOCK", gittest.Agent(t))
	t.Setenv("SSH_KNOWN_HOSTS", srv.Known)
	for _, c := range []struct {
		name string
		auth access.Auth
		want string
	}{
		{"nothing", access.Auth{}, "there is no key for it"},
		{"a key without known hosts", access.Auth{Key: read(srv.Key)}, "there are no known hosts for it"},
		{"known hosts of another server", access.Auth{Key: read(srv.Key), KnownHosts: "example.com " + strings.SplitN(read(srv.Known), " ", 2)[1]}, "the server's host key is not known"},
		{"both", access.Auth{Key: read(srv.Key), KnownHosts: read(srv.Known)}, ""},
	} {
		c.auth.Alone = true
		view, err := newRemoteOf(t, Options{URL: url, Login: func(context.Context) (access.Auth, error) { return c.auth, nil }}).Fetch(t.Context())
		switch {
		case c.want == "" && (err != nil || view.Revision().Hash != one), c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
