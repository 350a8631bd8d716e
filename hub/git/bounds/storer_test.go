package bounds

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/git/object"
)

// packOf is the one pack of a repository, whose HEAD is given with it.
func packOf(t *testing.T, r *gittest.Repo) (data []byte, head string) {
	t.Helper()
	r.Git("repack", "-q", "-adf")
	packs, err := filepath.Glob(filepath.Join(r.Dir, ".git/objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("the packs are %q, %v", packs, err)
	}
	if data, err = os.ReadFile(packs[0]); err != nil {
		t.Fatal(err)
	}
	return data, r.Git("rev-parse", "HEAD")
}

// mirror is a storage within bounds, and where it is.
func mirror(t *testing.T, b Bounds) (s boundedStorer, dir string) {
	t.Helper()
	dir = t.TempDir()
	got, err := b.Within(filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRUDefault()))
	if err != nil {
		t.Fatal(err)
	}
	return got.(boundedStorer), dir
}

// send writes a pack in pieces.
func send(w io.Writer, data []byte, piece int) (err error) {
	for len(data) > 0 && err == nil {
		n := min(piece, len(data))
		_, err = w.Write(data[:n])
		data = data[n:]
	}
	return err
}

// What is checked arrives whole, in whatever pieces it comes.
func TestAPackWithinBoundsIsStored(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Commit("a", "1", "b", strings.Repeat("2", 5000))
	data, head := packOf(t, r)
	for _, piece := range []int{1, heldBack - 1, heldBack, heldBack + 1, len(data)} {
		s, _ := mirror(t, Default)
		w, err := s.PackfileWriter()
		if err != nil {
			t.Fatal(err)
		}
		if err := send(w, data, piece); err != nil {
			t.Fatalf("in pieces of %d: %v", piece, err)
		}
		if err := w.Close(); err != nil {
			t.Fatalf("in pieces of %d: %v", piece, err)
		}
		if _, err := s.EncodedObject(plumbing.CommitObject, plumbing.NewHash(head)); err != nil {
			t.Errorf("in pieces of %d: %v", piece, err)
		}
	}
}

// Before a pack is checked to its end go-git cannot have its end: it would begin to unfold it.
func TestTheEndOfAPackIsHeldBack(t *testing.T) {
	t.Parallel()
	data := newPack(1).blob(strings.Repeat("hello", 100)).data.Bytes()
	data = append(data, make([]byte, object.HashSize)...)
	var got sink
	r, pipe := io.Pipe()
	w := &packWriter{to: &got, check: pipe, most: 1 << 20, verdict: make(chan error, 1)}
	go func() {
		_, _ = io.Copy(io.Discard, r)
		w.verdict <- nil
	}()
	for i, b := range data {
		if n, err := w.Write([]byte{b}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if want := max(0, i+1-heldBack); got.Len() != want {
			t.Fatalf("of %d bytes %d are passed on, want %d", i+1, got.Len(), want)
		}
	}
	if err := w.Close(); err != nil || !bytes.Equal(got.Bytes(), data) || !got.closed {
		t.Errorf("passed on are %d of %d bytes, closed: %t, %v", got.Len(), len(data), got.closed, err)
	}
}

// sink is what a pack is passed on to.
type sink struct {
	bytes.Buffer
	closed bool
	fails  error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.fails != nil {
		return 0, s.fails
	}
	return s.Buffer.Write(p)
}

func (s *sink) Close() error {
	s.closed = true
	return nil
}

// What exceeds the bounds is not stored, whenever that is noticed, and the reason is kept.
func TestAPackBeyondTheBoundsIsNotStored(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Commit("a", "1", "b", strings.Repeat("2", 3<<20))
	data, head := packOf(t, r)
	for name, c := range map[string]struct {
		set  func(*Bounds)
		want string
	}{
		"many bytes": {func(b *Bounds) { b.Received = int64(len(data)) - 1 },
			"the server sends more than 0 MiB at once"},
		"many objects":    {func(b *Bounds) { b.Objects = 3 }, "a pack with 4 objects, and 3 are taken at most"},
		"a large object":  {func(b *Bounds) { b.Object = 1 << 20 }, "it has an object of 3 MiB, and one may have 1 MiB"},
		"much of nothing": {func(b *Bounds) { b.Unfolded, b.Ratio = 1<<20, 1 }, "unfold to more than 1 MiB"},
	} {
		for _, piece := range []int{100, len(data)} {
			b := Default
			c.set(&b)
			s, dir := mirror(t, b)
			w, err := s.PackfileWriter()
			if err != nil {
				t.Fatal(err)
			}
			_ = send(w, data, piece)
			err = w.Close()
			var excess *ExcessError
			if !errors.As(err, &excess) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s in pieces of %d: %v, want %q in it", name, piece, err, c.want)
			}
			if _, err := s.EncodedObject(plumbing.CommitObject, plumbing.NewHash(head)); err == nil {
				t.Errorf("%s in pieces of %d: the commit is stored", name, piece)
			}
			if packs, _ := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack")); len(packs) != 0 {
				t.Errorf("%s in pieces of %d: stored are %q", name, piece, packs)
			}
		}
	}
}

// After a failure nothing more is taken, and it is the first one that is told.
func TestAPackWriterStaysFailed(t *testing.T) {
	t.Parallel()
	s, _ := mirror(t, small)
	w, err := s.PackfileWriter()
	if err != nil {
		t.Fatal(err)
	}
	first := send(w, append(newPack(5001).data.Bytes(), make([]byte, 1<<17)...), 1<<16)
	if first == nil || !strings.Contains(first.Error(), "a pack with 5001 objects") {
		t.Fatalf("the first is %v", first)
	}
	if n, err := w.Write([]byte("more")); n != 0 || !errors.Is(err, first) {
		t.Errorf("then %d bytes are taken, %v", n, err)
	}
	if err := w.Close(); !errors.Is(err, first) {
		t.Errorf("at its end: %v", err)
	}
}

// A full disk is the disk's fault.
func TestWhatCannotBeStoredIsSaid(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	r, pipe := io.Pipe()
	w := &packWriter{to: &sink{fails: full}, check: pipe, most: 1 << 20, verdict: make(chan error, 1)}
	go func() {
		_, _ = io.Copy(io.Discard, r)
		w.verdict <- nil
	}()
	if _, err := w.Write(make([]byte, 2*heldBack)); !errors.Is(err, full) {
		t.Errorf("writing: %v", err)
	}
	if err := w.Close(); !errors.Is(err, full) {
		t.Errorf("at its end: %v", err)
	}
}

func TestATransferWithoutAPackIsNoFailure(t *testing.T) {
	t.Parallel()
	s, _ := mirror(t, small)
	w, err := s.PackfileWriter()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("at its end: %v", err)
	}
}

func TestOnlyFilesCanBeBounded(t *testing.T) {
	t.Parallel()
	if _, err := Default.Within(memory.NewStorage()); err == nil || !strings.Contains(err.Error(),
		"*memory.Storage, whose size cannot be bounded") {
		t.Errorf("a storage in memory: %v", err)
	}
}

// A commit that was refused is not fetched again, unless the bounds are others now.
func TestARefusalIsOfOneCommitAndItsBounds(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mirror") // which is not there yet
	one, two := object.Hash{1}, object.Hash{2}
	if err := Default.Refused(dir, one); err != nil {
		t.Errorf("nothing was refused: %v", err)
	}
	Default.Refuse(dir, one, Exceeds("it has an object of 300 MiB"))
	var excess *ExcessError
	if err := Default.Refused(dir, one); !errors.As(err, &excess) || err.Error() != "it has an object of 300 MiB" {
		t.Errorf("the refused commit: %v", err)
	}
	wider := Default
	wider.Object *= 4
	for name, err := range map[string]error{"another commit": Default.Refused(dir, two), "other bounds": wider.Refused(dir,
		one)} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	Default.Refuse(dir, two, Exceeds("too much"))
	if err := Default.Refused(dir, one); err != nil {
		t.Errorf("a commit before the one that was refused last: %v", err)
	}
	Default.Refuse(filepath.Join(file(t), "x"), one,
		Exceeds("too much")) // a folder that cannot be made costs another fetch
}

// file is the path of one.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
