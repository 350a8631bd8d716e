package object

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/drover-dev/drover/hub/git/gittest"
)

func FuzzTree(f *testing.F) {
	id := strings.Repeat("ab", HashSize)
	f.Add([]byte(gittest.TreeLine("100644", "a", id) + gittest.TreeLine("40000", "b", id)))
	f.Add([]byte(gittest.TreeLine("40000", "b.c", id) + gittest.TreeLine("120000", "b", id)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := DecodeTree(data)
		if err != nil {
			return
		}
		for i, e := range tree.Entries {
			if !fs.ValidPath(e.Name) || e.Name == "." || strings.Contains(e.Name, "/") {
				t.Errorf("name %q", e.Name)
			}
			if i > 0 && tree.Entries[i-1].Name >= e.Name {
				t.Errorf("%q stands before %q", tree.Entries[i-1].Name, e.Name)
			}
			if got, ok := tree.Find(e.Name); !ok || got != e {
				t.Errorf("%q is not found", e.Name)
			}
		}
	})
}

func FuzzCommit(f *testing.F) {
	id := strings.Repeat("ab", HashSize)
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
	got, err := patch(base, []byte("\x80\xf1\x04\x82\x80\x04\x81\x10\x02xy"), MaxObject)
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
	r := gittest.New(f)
	id := r.Object("blob", "hello")
	data, err := os.ReadFile(filepath.Join(r.Dir, ".git/objects", id[:2], id[2:]))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		obj, size, err := decodeLoose(bytes.NewReader(data), int64(len(data)), 1<<20)
		if err == nil && int64(len(obj.Data)) != size {
			t.Errorf("%d bytes, want %d", len(obj.Data), size)
		}
	})
}

// FuzzPack reads every object of damaged packs with damaged indexes.
func FuzzPack(f *testing.F) {
	r := gittest.New(f)
	for i := range 5 {
		r.Commit("a", gittest.Content(i))
	}
	r.Git("repack", "-q", "-a", "-d")
	packs, _ := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.pack"))
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
		p := &pack{file: file, size: int64(len(stored)), index: x, bases: newCache[baseKey, Raw](1 << 20)}
		for i := range x.count {
			if offset, ok := p.index.find(Hash(x.name(i))); ok {
				_, _ = p.read(offset, 1<<20)
				_, _, _ = p.stat(offset)
			}
		}
	})
}
