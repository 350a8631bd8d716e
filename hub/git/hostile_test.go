package git

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// treeLine is an entry of a tree object.
func treeLine(mode, name, id string) string {
	raw, _ := hex.DecodeString(id)
	return mode + " " + name + "\x00" + string(raw)
}

// commitTree stores a tree as it is, whatever git would think of it, and commits it.
func (r *testRepo) commitTree(lines ...string) *snapshot {
	r.Helper()
	tree := r.object("tree", strings.Join(lines, ""))
	return r.at(r.git("commit-tree", "-m", "x", tree))
}

// object stores an object unchecked and returns its id.
func (r *testRepo) object(kind, data string) string {
	r.Helper()
	cmd := exec.Command("git", "hash-object", "-w", "--stdin", "--literally", "-t", kind)
	cmd.Dir, cmd.Env, cmd.Stdin = r.dir, gitEnv(), strings.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		r.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// objectInProcess does what object does, without a process for each.
func (r *testRepo) objectInProcess(kind, data string) string {
	r.Helper()
	id := hashOf(kind, []byte(data))
	path := filepath.Join(r.dir, ".git/objects", id[:2], id[2:])
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

func TestHostileNames(t *testing.T) {
	r := newRepo(t)
	blob := r.object("blob", "x")
	sub := r.object("tree", treeLine("100644", "f", blob))
	var lines []string
	for _, name := range []string{"", ".", "..", ".git", ".GIT", "a/b", `a\b`, "\xff\xfe", "../x"} {
		lines = append(lines, treeLine("100644", name, blob), treeLine("40000", name+"d/", sub))
	}
	lines = append(lines, treeLine("100644", "good", blob), treeLine("40000", "über", sub), treeLine("100644", "a:b c", blob))
	snap := r.commitTree(lines...)
	list, err := snap.ReadDir(".")
	if got := fmt.Sprint(list); err != nil || len(list) != 3 {
		t.Errorf("listed %s, %v", got, err)
	}
	if err := fstest.TestFS(snap, "good", "über/f", "a:b c"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"..", "../x", ".git", `a\b`, "a/b", "\xff\xfe", "", "/", "good/"} {
		if _, err := snap.ReadFile(name); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: error is %v", name, err)
		}
	}
	if paths, err := snap.Changes(r.commitTree()); err != nil || len(paths) != 5 {
		t.Errorf("changes %q, %v", paths, err)
	}
}

func TestHostileTrees(t *testing.T) {
	r := newRepo(t)
	blob := r.object("blob", "x")
	for name, tree := range map[string]string{
		"twice":       treeLine("100644", "a", blob) + treeLine("40000", "a", blob),
		"cut off":     treeLine("100644", "a", blob)[:20],
		"mode":        treeLine("170000", "a", blob),
		"long mode":   treeLine("1000000000000000644", "a", blob),
		"no mode":     treeLine("", "a", blob),
		"not octal":   treeLine("100648", "a", blob),
		"not a tree":  "anything at all",
		"zero only":   "\x00",
		"folder blob": treeLine("40000", "f", blob),
		"file tree":   treeLine("100644", "f", r.object("tree", "")),
	} {
		t.Run(name, func(t *testing.T) {
			snap := r.commitTree(treeLine("40000", "d", r.object("tree", tree)))
			err := fs.WalkDir(snap, ".", func(path string, d fs.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					_, err = snap.ReadFile(path)
				}
				return err
			})
			if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "git fsck") {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A few small trees can unfold to more paths than fit anywhere.
func TestTreesThatUnfoldWithoutEnd(t *testing.T) {
	r := newRepo(t)
	empty := r.commitTree()
	id := r.object("blob", "x")
	for depth := range 12 {
		var wide string
		for i := range 10 {
			mode := "40000"
			if depth == 0 {
				mode = "100644"
			}
			wide += treeLine(mode, fmt.Sprint(i), id)
		}
		id = r.object("tree", wide)
	}
	wide := r.at(r.git("commit-tree", "-m", "x", id))
	d := diff{old: empty, now: wide, limit: 1000}
	if err := d.folders(".", empty.root, wide.root); err == nil || !strings.Contains(err.Error(), "unfolds without end") {
		t.Errorf("error is %v", err)
	}
	id = r.object("tree", "")
	for range 2000 {
		id = r.objectInProcess("tree", treeLine("40000", "a-name-of-some-length", id))
	}
	_, err := r.at(r.git("commit-tree", "-m", "x", id)).Changes(empty)
	if err == nil || !strings.Contains(err.Error(), "unfolds without end") {
		t.Errorf("error is %v", err)
	}
}

func FuzzTree(f *testing.F) {
	id := strings.Repeat("ab", hashSize)
	f.Add([]byte(treeLine("100644", "a", id) + treeLine("40000", "b", id)))
	f.Add([]byte(treeLine("40000", "b.c", id) + treeLine("120000", "b", id)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := decodeTree(data)
		if err != nil {
			return
		}
		for i, e := range tree.entries {
			if !fs.ValidPath(e.name) || e.name == "." || strings.Contains(e.name, "/") {
				t.Errorf("name %q", e.name)
			}
			if i > 0 && tree.entries[i-1].name >= e.name {
				t.Errorf("%q stands before %q", tree.entries[i-1].name, e.name)
			}
			if got, ok := tree.find(e.name); !ok || got != e {
				t.Errorf("%q is not found", e.name)
			}
		}
	})
}

func FuzzCommit(f *testing.F) {
	id := strings.Repeat("ab", hashSize)
	f.Add([]byte("tree " + id + "\nparent " + id + "\nauthor A <a@b> 1 +0000\ncommitter B <b@c> 2 +0000\n\nsubject\n\nbody"))
	f.Add([]byte("object " + id + "\ntype commit\ntag v1\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeCommit(data)
		_, _ = tagged(data)
	})
}

// A copy of which no size is given is one of 64 KiB.
func TestDeltaOf64KiB(t *testing.T) {
	base := bytes.Repeat([]byte("0123456789abcdef"), 5000) // 80,000 bytes
	got, err := patch(base, []byte("\x80\xf1\x04\x82\x80\x04\x81\x10\x02xy"), maxObject)
	if want := append(bytes.Clone(base[16:][:1<<16]), "xy"...); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d, %v", len(got), len(want), err)
	}
}

// FuzzDelta holds the decoder against go-git's.
func FuzzDelta(f *testing.F) {
	f.Add([]byte("the base of it"), []byte("\x0e\x06\x90\x04\x02xy"))
	f.Add([]byte("the base of it"), []byte("\x0e\x0e\x91\x00\x0e"))
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		const limit = 1 << 20
		got, err := patch(base, delta, limit)
		if size, sizeErr := deltaSize(delta); err == nil && (sizeErr != nil || int64(len(got)) != size) {
			t.Errorf("%d bytes, want %d, %v", len(got), size, sizeErr)
		}
		if want, wantErr := packfile.PatchDelta(base, delta); err == nil && wantErr == nil && !bytes.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func FuzzLoose(f *testing.F) {
	r := newRepo(f)
	id := r.object("blob", "hello")
	data, err := os.ReadFile(filepath.Join(r.dir, ".git/objects", id[:2], id[2:]))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		obj, size, err := decodeLoose(bytes.NewReader(data), int64(len(data)), 1<<20)
		if err == nil && int64(len(obj.data)) != size {
			t.Errorf("%d bytes, want %d", len(obj.data), size)
		}
	})
}

// FuzzPack reads every object of damaged packs with damaged indexes.
func FuzzPack(f *testing.F) {
	r := newRepo(f)
	for i := range 5 {
		r.commit("a", content(i))
	}
	r.git("repack", "-q", "-a", "-d")
	packs, _ := filepath.Glob(filepath.Join(r.dir, ".git/objects/pack/*.pack"))
	stored, err := os.ReadFile(packs[0])
	index, err2 := os.ReadFile(strings.TrimSuffix(packs[0], ".pack") + ".idx")
	if err != nil || err2 != nil {
		f.Fatal(err, err2)
	}
	f.Add(index, stored, uint16(0), byte(0))
	f.Add(index, stored, uint16(40), byte(7))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, index, stored []byte, at uint16, with byte) {
		if stored = bytes.Clone(stored); len(stored) > 0 {
			stored[int(at)%len(stored)] ^= with
		}
		x, err := parseIndex(index)
		if err != nil || x.count > 1000 {
			return
		}
		file, err := os.CreateTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close(); _ = os.Remove(file.Name()) }()
		_, _ = file.Write(stored)
		p := &pack{file: file, size: int64(len(stored)), index: x, bases: newCache[baseKey, rawObject](1 << 20)}
		for i := range x.count {
			if offset, ok := p.index.find(hash(x.name(i))); ok {
				_, _ = p.read(offset, 1<<20)
				_, _, _ = p.stat(offset)
			}
		}
	})
}
