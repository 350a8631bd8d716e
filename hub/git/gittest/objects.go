package gittest

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zlib"
)

// TreeLine is an entry of a tree object.
func TreeLine(mode, name, id string) string {
	raw, _ := hex.DecodeString(id)
	return mode + " " + name + "\x00" + string(raw)
}

// Object stores an object unchecked and returns its id.
func (r *Repo) Object(kind, data string) string {
	r.Helper()
	cmd := exec.Command("git", "hash-object", "-w", "--stdin", "--literally", "-t", kind)
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, Env(), strings.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// ObjectInProcess does what object does, without a process for each.
func (r *Repo) ObjectInProcess(kind, data string) string {
	r.Helper()
	id := HashOf(kind, []byte(data))
	path := filepath.Join(r.Dir, ".git/objects", id[:2], id[2:])
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = fmt.Fprintf(z, "%s %d\x00%s", kind, len(data), data)
	_ = z.Close()
	_ = os.MkdirAll(filepath.Dir(path), 0o755)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		r.Fatal(err)
	}
	return id
}

// Content is a text of 3 KiB that differs from others in its first line, so that git stores it as a delta.
func Content(i int) string { return fmt.Sprintf("%d\n%s", i, strings.Repeat("the same in all\n", 200)) }

// FastImport runs git fast-import.
func (r *Repo) FastImport(stream []byte, config ...string) {
	r.Helper()
	cmd := exec.Command("git", append(config, "fast-import", "--quiet")...)
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, Env(), bytes.NewReader(stream)
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// ChainRepo has a file of kib KiB in many versions, each a delta of the one before.
func ChainRepo(t *testing.T, kib, versions int) *Repo {
	r := New(t)
	text := bytes.Repeat([]byte("0123456789abcdef"), kib<<6)
	for i := range versions {
		copy(text[rand.IntN(len(text)-8):], fmt.Sprintf("%8d", i))
		if err := os.WriteFile(filepath.Join(r.Dir, "f"), text, 0o644); err != nil {
			t.Fatal(err)
		}
		r.Git("add", "f")
		r.Git("commit", "-q", "-m", "v")
	}
	r.Git("repack", "-q", "-adf", "--depth=200")
	return r
}

// RemoveObject removes a loose object.
func RemoveObject(t testing.TB, r *Repo, id string) {
	t.Helper()
	if err := os.Remove(filepath.Join(r.Dir, ".git/objects", id[:2], id[2:])); err != nil {
		t.Fatal(err)
	}
}

// Read reads a file that must be there.
func Read(t testing.TB, snap fs.FS, name string) string {
	t.Helper()
	data, err := fs.ReadFile(snap, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// ManyClusters is how many clusters FleetRepo makes.
const ManyClusters = 10_000

// FleetRepo makes a repository of 10,000 clusters of two files each, and a second commit that changes
// one file.
func FleetRepo(b testing.TB, packed bool) *Repo {
	b.Helper()
	r := New(b)
	stream := &bytes.Buffer{}
	write := func(name, content string) {
		_, _ = fmt.Fprintf(stream, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	_, _ = stream.WriteString("commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 1\nx\n")
	for i := range ManyClusters {
		dir := fmt.Sprintf("clusters/cluster-%05d/", i)
		write(dir+"cluster.yaml", fmt.Sprintf("labels:\n  number: %d\n", i))
		write(dir+"kustomization.yaml", fmt.Sprintf("resources:\n- ../../apps/web\nnamePrefix: c%d-\n", i))
	}
	_, _ = stream.WriteString("commit refs/heads/main\ncommitter A <a@b> 1700000001 +0000\ndata 1\ny\n")
	write("clusters/cluster-05000/cluster.yaml", "labels:\n  number: none\n")
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Env, cmd.Stdin = r.Dir, Env(), stream
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	if packed {
		r.Git("repack", "-q", "-a", "-d")
	}
	return r
}
