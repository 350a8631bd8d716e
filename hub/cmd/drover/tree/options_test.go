package tree

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// given are the options of a command line.
func given(t *testing.T, args ...string) *Options {
	t.Helper()
	o := &Options{}
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.AddTo(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o
}

// What is wrong with a flag is wrong use, and is said with what to write.
func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--path a=b=c/../..": "",
		"--flux-default-service-account A": "--flux-default-service-account \"A\" is no name of a service account: " +
			"write the name alone",
		"--flux-default-service-account ns/a": "--flux-default-service-account \"ns/a\" is no name",
	} {
		_, _, err := given(t, strings.Fields(args)...).Reading(nil)
		var usage Usage
		if !errors.As(err, &usage) || !strings.HasPrefix(err.Error(), want) || usage.Unwrap() == nil {
			t.Errorf("%s: %v", args, err)
		}
	}
	if _, done, err := given(t, "--flux-default-service-account", "flux.deployer").Reading(nil); err != nil {
		t.Errorf("a name with a dot: %v", err)
	} else {
		done()
	}
	for address, fits := range map[string]bool{"127.0.0.1:5000": true, "10.0.0.0/8": true, "[::1]": true,
		"localhost": false, "": false} {
		got, err := given(t, "--allow-source-address="+address).Sources.Allowed()
		if fits != (err == nil && len(got) == 1) && address != "" || err != nil && !strings.HasPrefix(err.Error(),
			"--allow-source-address: ") {
			t.Errorf("%q: %v, %v", address, got, err)
		}
	}
}

// Who may write a file in Git has nothing fetched from this machine, but for what its operator allows.
func TestSourcesAreNotOfThisMachine(t *testing.T) {
	t.Parallel()
	fetch := func(s model.Source, args ...string) error {
		o := given(t, args...)
		open, err := o.Sources.Opener(t.TempDir(), "https://git.example.com/fleet.git", access.Auth{},
			slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r, err := open(s, t.TempDir())
		if err != nil {
			return err
		}
		_, err = r.Fetch(t.Context())
		return err
	}
	file := model.Source{Kind: model.SourceFile, URL: "http://127.0.0.1:1/x.yaml", PlainHTTP: true}
	for args, forbidden := range map[string]bool{"": true, "--allow-source-address=127.0.0.1:2": true,
		"--allow-source-address=127.0.0.1:1": false, "--local-sources": false} {
		err := fetch(file, strings.Fields(args)...)
		if err == nil || strings.Contains(err.Error(), "to which no source may lead") != forbidden {
			t.Errorf("%q: %v", args, err)
		}
	}
	if err := fetch(model.Source{Kind: "Bucket", URL: "https://x"}); err == nil ||
		!strings.Contains(err.Error(), `a source of kind "Bucket" is not known to this release`) {
		t.Errorf("a kind to come: %v", err)
	}
}

// A blob is kept for as long as the command runs, by its id.
func TestBlobsAreKept(t *testing.T) {
	t.Parallel()
	var m memory
	if data, err := m.Blob("none"); data != nil || err != nil || m.save(resolve.Unsaved{}) != nil {
		t.Errorf("%q, %v", data, err)
	}
	one, two := model.Packed{Ref: protocol.Blob{Key: []byte("1")}, Sealed: []byte("a")},
		model.Packed{Ref: protocol.Blob{Key: []byte("2")}, Sealed: []byte("b")}
	for _, p := range []model.Packed{one, two} { // what was saved before stays
		if err := m.save(resolve.Unsaved{Blobs: []model.Packed{p}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []model.Packed{one, two} {
		if data, err := m.Blob(p.Ref.ID()); string(data) != string(p.Sealed) || err != nil {
			t.Errorf("%q, %v", data, err)
		}
	}
	if data, err := m.Memo("any"); data != nil || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

// Of several clusters with a fault all are named; a folder of nobody's is, too.
func TestAClusterIsLookedForAmongFolders(t *testing.T) {
	t.Parallel()
	listing := resolve.Listing{Sites: model.Sites{Sites: []model.Site{{Name: "edge"}},
		Unknown: []model.Site{{Wrong: "a is bad"}, {Wrong: "b is bad"}}}}
	if _, err := Among(listing, "x\x1b", "v1"); err == nil ||
		err.Error() != `there is no cluster "x\x1b" at v1: there are [edge], and `+
			`folders of which it is not known: a is bad; b is bad` {
		t.Errorf("%v", err)
	}
}

// The real repository is only read: neither its index nor its objects change, and what Git ignores is not in the
// picture.
func TestAPictureOfAWorkTree(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a \"b\":c")
	put := func(name, text string) {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text),
			0o644)); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v: %s", args[0], err, out)
		}
		return string(out)
	}
	put("a", "1")
	put(".gitignore", "secret\n")
	if _, err := picture(t.Context(), dir); err == nil || !strings.HasSuffix(err.Error(),
		"has no work tree to compare: say --head REVISION") {
		t.Errorf("no repository: %v", err)
	}
	run("init", "-q", "-b", "main")
	run("add", "-A")
	run("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "x")
	for _, c := range []struct {
		file, text, files string
		same              bool
	}{{"secret", "x", ".gitignore a", true}, {"a", "2", ".gitignore a", false}, {"new", "1", ".gitignore a new", false}} {
		put(c.file, c.text)
		before := run("status", "--porcelain") + run("count-objects")
		p, err := picture(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		defer p.remove()
		files, err := gitIn(t.Context(), p.dir, nil, "ls-tree", "--name-only", p.commit)
		if got := strings.Join(strings.Fields(files), " "); err != nil || got != c.files || p.same != c.same {
			t.Errorf("with %s it has %q, the same %t: %v", c.file, got, p.same, err)
		}
		if after := run("status", "--porcelain") + run("count-objects"); after != before {
			t.Errorf("with %s the repository changed from %q to %q", c.file, before, after)
		}
	}
	if _, err := gitIn(t.Context(), dir, nil, "rev-parse", "--verify", "none"); err == nil ||
		err.Error() != "git rev-parse: Needed a single revision" {
		t.Errorf("what git says: %v", err)
	}
	for path, want := range map[string]string{"/a b": "/a b", "/a:b": `"/a:b"`, `/a"\`: `"/a\"\\"`, "/a\nb": `"/a\nb"`} {
		if got := quoted(path); got != want {
			t.Errorf("%q: %s", path, got)
		}
	}
}
