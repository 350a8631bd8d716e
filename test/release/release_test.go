package release

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestAReleaseIsRefusedThatCannotBeBuiltAgain(t *testing.T) {
	t.Parallel()
	const changelog = "# Changelog\n\n## Unreleased\n\n- later\n\n## 0.2.0 (2026-01-02)\n\n- now\n\n" +
		"## 0.1.0\n\n## 0.0.9\n\n- then\n"
	tree := func(t *testing.T) string {
		dir := t.TempDir()
		write(t, dir, "CHANGELOG.md", changelog)
		for _, folder := range Modules {
			text := "module " + modulePath(folder) + "\n\ngo 1.26.0\n"
			if folder == "hub" {
				text += "\nrequire " + ours + " v0.0.0\n\nreplace " + ours + " => ..\n"
			}
			write(t, dir, filepath.Join(folder, "go.mod"), text)
		}
		run(t, dir, "init", "-q")
		run(t, dir, "add", ".")
		run(t, dir, "commit", "-qm", "first")
		return dir
	}
	for name, c := range map[string]struct {
		version string
		change  func(t *testing.T, dir string)
		want    string
	}{
		"a clean tree":      {"v0.2.0", nil, ""},
		"a candidate":       {"v0.2.0-rc.1", nil, ""},
		"tagged here":       {"v0.2.0", tagHere, "the tag v0.2.0 is on a commit that make release did not make"},
		"released here":     {"v0.2.0", releaseHere, ""},
		"a released one":    {"v0.2.0", checkOutReleased, ""},
		"a tag is missing":  {"v0.2.0", dropTag, "the tag hub/v0.2.0 is missing"},
		"a replaced module": {"v0.2.0", replaceOther, "hub/go.mod: it replaces example.com/x"},
		"no v":              {"0.2.0", nil, "v0.2.0"},
		"no version":        {"", nil, "write it as"},
		"a file beside":     {"v0.2.0", addFile, "not committed"},
		"an edit":           {"v0.2.0", edit, "not committed"},
		"no section":        {"v0.3.0", nil, "no section"},
		"an empty section":  {"v0.1.0", nil, "empty"},
		"a tag on another":  {"v0.2.0", tagBehind, "the tag v0.2.0 is on commit"},
		"a tag of another":  {"v0.0.9", tagBehind, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t)
			if c.change != nil {
				c.change(t, dir)
			}
			r, err := Check(t.Context(), dir, c.version)
			if c.want == "" {
				if err != nil || len(r.Commit) != 40 || r.Date.IsZero() || !strings.HasPrefix(r.Notes, "- ") {
					t.Errorf("%+v, %v", r, err)
				}
				if len(r.Source) != 40 || r.Source == r.Commit {
					t.Errorf("%s is released as %s", r.Source, r.Commit)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error that says %q", err, c.want)
			}
		})
	}
}

func tagHere(t *testing.T, dir string) { run(t, dir, "tag", "-a", "-m", "x", "v0.2.0") }

// releaseHere tags as make release does.
func releaseHere(t *testing.T, dir string) {
	t.Helper()
	run(t, dir, "config", "user.name", "x")
	run(t, dir, "config", "user.email", "x@example.com")
	r, err := Check(t.Context(), dir, "v0.2.0")
	if err == nil {
		err = r.Tag(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func checkOutReleased(t *testing.T, dir string) {
	t.Helper()
	releaseHere(t, dir)
	run(t, dir, "checkout", "-q", "v0.2.0")
}

func dropTag(t *testing.T, dir string) {
	t.Helper()
	checkOutReleased(t, dir)
	run(t, dir, "tag", "-d", "hub/v0.2.0")
}

func replaceOther(t *testing.T, dir string) {
	t.Helper()
	write(t, dir, "hub/go.mod", "module "+ours+"/hub\n\ngo 1.26.0\n\nreplace example.com/x => example.com/y v1.0.0\n")
	run(t, dir, "commit", "-qam", "second")
}

func addFile(t *testing.T, dir string) { write(t, dir, "new", "") }

func edit(t *testing.T, dir string) { write(t, dir, "CHANGELOG.md", "") }

func tagBehind(t *testing.T, dir string) {
	run(t, dir, "tag", "v0.2.0")
	run(t, dir, "commit", "-q", "--allow-empty", "-m", "second")
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// agentHere builds the agent for this machine from a work tree.
func agentHere(t *testing.T, root string) (Release, File) {
	t.Helper()
	r := Release{Root: root, Version: "v0.9.0", Commit: strings.Repeat("c0ffee00", 5), Date: time.Unix(1e9, 0).UTC()}
	p := Platform{runtime.GOOS, runtime.GOARCH}
	program := Deliveries[1].Programs[0]
	data, err := r.Program(t.Context(), program, p)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := r.archive("x", map[string][]byte{program.Name: data})
	if err != nil {
		t.Fatal(err)
	}
	return r, File{Name: "x.tar.gz", Data: packed, Programs: map[string][]byte{program.Name: data}}
}

// The work tree, and a copy of it at another place with other times: a path or a clock in what is built would show.
func TestTwoBuildsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	copied := t.TempDir()
	for _, name := range []string{
		"go.mod", "go.sum", "agent", "fleet", "protocol", "internal", "test/testenv", "LICENSE", "README.md", "CHANGELOG.md",
	} {
		copyTree(t, filepath.Join(repository, name), filepath.Join(copied, name))
	}
	r, first := agentHere(t, repository)
	_, second := agentHere(t, copied)
	for name, data := range first.Programs {
		if sum(data) != sum(second.Programs[name]) {
			t.Errorf("%s: two builds give %s and %s", name, sum(data), sum(second.Programs[name]))
		}
		for _, path := range []string{copied, os.Getenv("HOME") + "/"} {
			if path != "/" && bytes.Contains(data, []byte(path)) {
				t.Errorf("%s contains the path %s", name, path)
			}
		}
	}
	if sum(first.Data) != sum(second.Data) {
		t.Error("two archives of the same programs differ")
	}
	sbom := func(f File) string {
		out, err := r.SBOM([]File{f})
		if err != nil {
			t.Fatal(err)
		}
		return string(out.Data)
	}
	if sbom(first) != sbom(second) {
		t.Error("two SBOMs of the same files differ")
	}
	checkSBOM(t, sbom(first))
	checkVersion(t, first.Programs["drover-agent"], r)
}

func checkSBOM(t *testing.T, text string) {
	t.Helper()
	var d spdxDocument
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	known, versions := map[string]bool{d.ID: true}, map[string]string{}
	for _, p := range d.Packages {
		if known[p.ID] {
			t.Errorf("two packages are called %s", p.ID)
		}
		if p.Location == "" || p.Declared == "" || p.Copyright == "" {
			t.Errorf("%s lacks a field that SPDX demands", p.ID)
		}
		known[p.ID], versions[p.Name] = true, p.Version
	}
	for _, r := range d.Relationships {
		if !known[r.From] || !known[r.To] {
			t.Errorf("a relationship names what is not there: %+v", r)
		}
	}
	if want := strings.TrimPrefix(runtime.Version(), "go"); versions["stdlib"] != want {
		t.Errorf("the standard library is %q, want %q", versions["stdlib"], want)
	}
	for _, name := range []string{ours + "/agent", ours} {
		if versions[name] != "v0.9.0" {
			t.Errorf("%s is of version %q", name, versions[name])
		}
	}
	if !strings.HasPrefix(versions["github.com/nats-io/nats.go"], "v1.") {
		t.Errorf("nats.go is of version %q", versions["github.com/nats-io/nats.go"])
	}
}

func checkVersion(t *testing.T, program []byte, r Release) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "drover-agent")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "version", "-o", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Version, Commit, Date string
		WireVersion           int
	}
	if err := json.Unmarshal(out, &said); err != nil || said.Version != r.Version || said.Commit != r.Commit ||
		said.Date != "2001-09-09T01:46:40Z" || said.WireVersion == 0 {
		t.Errorf("drover-agent version -o json says %s, %v", out, err)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		return os.WriteFile(at, data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestBuildRefusesAFolderThatIsNotEmpty(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "old.tar.gz", "")
	err := Release{}.Build(t.Context(), Options{Dist: dir, Log: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("%v, want a refusal", err)
	}
}

func TestTheHubsImageTrustsTheUsualAuthorities(t *testing.T) {
	t.Parallel()
	r := Release{Version: "v0.9.0", Date: time.Unix(1e9, 0)}
	built := programs{}
	for _, arch := range []string{"amd64", "arm64"} {
		for _, d := range Deliveries {
			for _, p := range d.Programs {
				built.add(Platform{"linux", arch}, p, []byte(arch+p.Name))
			}
		}
	}
	files, err := r.images(built)
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]int{} // by image, of both architectures
	for _, f := range files {
		programs[f.Name] = len(f.Programs)
	}
	want := map[string]int{"drover-hub_0.9.0_oci.tar": 2 * 4, "drover-agent_0.9.0_oci.tar": 2 * 3}
	if !maps.Equal(programs, want) {
		t.Errorf("images have %v programs, want %v", programs, want)
	}
	if n := bytes.Count(authorities(), []byte("BEGIN CERTIFICATE")); n < 100 {
		t.Errorf("the hub's image has %d authorities", n)
	}
}
