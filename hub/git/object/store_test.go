package object

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
)

func objectsOf(r *gittest.Repo) string { return filepath.Join(r.Dir, ".git/objects") }

// text reads a blob of a store.
func text(t *testing.T, o Objects, id string) (string, error) {
	t.Helper()
	obj, err := o.Read(hash(t, id), MaxObject)
	if err == nil && obj.Kind != TypeBlob {
		t.Errorf("%s is of kind %d", id, obj.Kind)
	}
	return string(obj.Data), err
}

// damage changes the last bytes of a file, which git makes read-only.
func damage(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = errors.Join(os.Remove(path), os.WriteFile(path, change(data), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func packs(t *testing.T, r *gittest.Repo, suffix string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(objectsOf(r), "pack/*"+suffix))
	if err != nil || len(names) == 0 {
		t.Fatalf("there are no packs: %v", err)
	}
	return names
}

// A missing object is never a file that does not exist: a damaged repository would read as one without that file.
func TestAMissingObjectIsDamage(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	id := r.ObjectInProcess("blob", "content")
	s := NewStore(objectsOf(r))
	if got, err := text(t, s.Current(), id); err != nil || got != "content" || s.IsDamaged() {
		t.Fatalf("%q, %v; damaged: %t", got, err, s.IsDamaged())
	}
	_, err := s.Current().Read(hash(t, aID), MaxObject)
	var missing *MissingError
	if !errors.As(err, &missing) || missing.ID != hash(t, aID) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
	for _, part := range []string{aID, filepath.Dir(objectsOf(r)), "git fsck"} {
		if !strings.Contains(fmt.Sprint(err), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
	if !s.IsDamaged() {
		t.Error("the store does not know that it is damaged")
	}
	if _, _, err := s.Current().Stat(hash(t, aID)); !errors.As(err, &missing) {
		t.Errorf("its size: %v", err)
	}
	s.MoveTo(objectsOf(r))
	if s.IsDamaged() || s.Dir() != objectsOf(r) {
		t.Errorf("after it was moved to %s it is damaged: %t", s.Dir(), s.IsDamaged())
	}
}

// What is too large is not damaged: an app that names it has an error, and the repository is not cloned again.
func TestWhatIsTooLargeIsNoDamage(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Commit("a", "content")
	id := r.Git("rev-parse", "HEAD:a")
	for _, packed := range []bool{false, true} {
		if packed {
			r.Git("repack", "-q", "-a", "-d")
		}
		s := NewStore(objectsOf(r))
		obj, err := s.Current().Read(hash(t, id), 6)
		var large *TooLargeError
		if !errors.As(err, &large) || err.Error() != "7 bytes, and 6 are read at most" || obj.Data != nil {
			t.Errorf("packed %t: %+v, %v", packed, obj, err)
		}
		if s.IsDamaged() {
			t.Errorf("packed %t: the store takes itself for damaged", packed)
		}
		if obj, err := s.Current().Read(hash(t, id), 7); err != nil || string(obj.Data) != "content" {
			t.Errorf("packed %t: as large as may be: %+v, %v", packed, obj, err)
		}
		if obj, err := s.Current().Read(hash(t, id), 0); !errors.As(err, &large) {
			t.Errorf("packed %t: where nothing may be read: %+v, %v", packed, obj, err)
		}
	}
}

func TestAFileIsReadUpToItsBound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	for limit, reads := range map[int64]bool{6: false, 7: true, 8: true} {
		data, err := ReadAtMost(path, limit)
		if reads && (err != nil || string(data) != "content") {
			t.Errorf("up to %d: %q, %v", limit, data, err)
		}
		var large *TooLargeError
		if !reads && (!errors.As(err, &large) || !strings.Contains(err.Error(), path)) {
			t.Errorf("up to %d: %q, %v", limit, data, err)
		}
	}
	if _, err := ReadAtMost(path+"x", 7); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("one that is not there: %v", err)
	}
}

// Prefixes are looked for in packs, loose files and borrowed repositories, and found as git finds them.
func TestPrefixesAreFoundEverywhere(t *testing.T) {
	t.Parallel()
	lender, r := gittest.New(t), gittest.New(t)
	for i := range 200 {
		lender.ObjectInProcess("blob", fmt.Sprint("lent ", i))
		r.ObjectInProcess("blob", fmt.Sprint("packed ", i))
	}
	r.Commit("a", "1")
	var list strings.Builder
	for i := range 200 {
		fmt.Fprintln(&list, gittest.HashOf("blob", []byte(fmt.Sprint("packed ", i))))
	}
	r.Write("list", list.String())
	r.Git("-c", "alias.pack=!git pack-objects -q .git/objects/pack/pack < list", "pack")
	r.Git("prune-packed", "-q")
	for i := range 200 {
		r.ObjectInProcess("blob", fmt.Sprint("loose ", i))
	}
	relative, err := filepath.Rel(objectsOf(r), objectsOf(lender))
	if err != nil {
		t.Fatal(err)
	}
	alternates := "# borrowed\n\n" + relative + "\n"
	if err := os.WriteFile(filepath.Join(objectsOf(r), "info/alternates"), []byte(alternates), 0o644); err != nil {
		t.Fatal(err)
	}
	o := NewStore(objectsOf(r)).Current()
	for first := range 256 {
		for _, more := range []string{"", "0", "7", "f"} {
			prefix := fmt.Sprintf("%02x%s", first, more)
			found, err := o.WithPrefix(prefix)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range found {
				got = append(got, h.String())
			}
			if !slices.IsSorted(got) {
				t.Errorf("%s is not sorted: %s", prefix, got)
			}
			if len(prefix) < 3 { // git wants four digits
				continue
			}
			for _, id := range got {
				if !strings.HasPrefix(id, prefix) {
					t.Errorf("%s finds %s", prefix, id)
				}
			}
		}
	}
	all := strings.Fields(r.Git("cat-file", "--batch-check=%(objectname)", "--batch-all-objects"))
	if len(all) < 600 {
		t.Fatalf("git sees %d objects, so the test shows little", len(all))
	}
	for _, id := range all {
		for _, n := range []int{2, 7, 40} {
			found, err := o.WithPrefix(id[:n])
			if err != nil || !slices.Contains(found, hash(t, id)) {
				t.Fatalf("%s does not find %s: %v", id[:n], id, err)
			}
		}
		if _, _, err := o.Stat(hash(t, id)); err != nil {
			t.Error(err)
		}
	}
}

// Repositories that borrow from each other, or from many, are read without an end that does not come.
func TestBorrowingEnds(t *testing.T) {
	t.Parallel()
	a, b := gittest.New(t), gittest.New(t)
	for from, to := range map[*gittest.Repo]*gittest.Repo{a: b, b: a} {
		file := filepath.Join(objectsOf(from), "info/alternates")
		if err := os.WriteFile(file, []byte(objectsOf(to)+"\n"+objectsOf(from)+"/\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := objectDirs(objectsOf(a), nil), []string{objectsOf(a), objectsOf(b)}; !slices.Equal(got, want) {
		t.Errorf("folders are %q, want %q", got, want)
	}
	id := b.ObjectInProcess("blob", "lent")
	if got, err := text(t, NewStore(objectsOf(a)).Current(), id); err != nil || got != "lent" {
		t.Errorf("%q, %v", got, err)
	}
	chain := t.TempDir()
	for i := range 100 {
		dir := filepath.Join(chain, fmt.Sprint(i), "info")
		next := filepath.Join(chain, fmt.Sprint(i+1))
		err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "alternates"), []byte(next), 0o644))
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := objectDirs(filepath.Join(chain, "0"), nil); len(got) != 33 {
		t.Errorf("%d folders are followed, want the first and 32", len(got))
	}
}

// git gc moves objects from files to packs and from pack to pack; what is held stays readable when git has deleted it.
func TestWhatIsHeldOutlivesARepack(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Commit("a", "held")
	id := r.Git("rev-parse", "HEAD:a")
	r.Git("repack", "-q", "-a", "-d")
	s := NewStore(objectsOf(r))
	if _, err := text(t, s.Current(), id); err != nil {
		t.Fatal(err)
	}
	held := s.Current().Hold()
	r.Git("rm", "-q", "a")
	r.Git("commit", "-q", "--amend", "--allow-empty", "-m", "without it")
	r.Git("reflog", "expire", "--expire=all", "--all")
	r.Git("gc", "-q", "--prune=now")
	r.Commit("b", "other")
	if r.Try("cat-file", "-e", id) == nil {
		t.Fatal("git has kept the object, so the test shows nothing")
	}
	if got, err := text(t, s.Current(), r.Git("rev-parse", "HEAD:b")); err != nil || got != "other" {
		t.Errorf("what is new: %q, %v", got, err)
	}
	if got, err := text(t, held, id); err != nil || got != "held" {
		t.Errorf("what is held: %q, %v", got, err)
	}
	if found, err := s.Current().WithPrefix(id); err != nil || len(found) > 0 { // which looks at the packs again
		t.Errorf("what git has deleted is found: %s, %v", found, err)
	}
	if _, err := text(t, s.Current(), id); err == nil {
		t.Error("what git has deleted is there without being held")
	}
	if got, err := text(t, held, id); err != nil || got != "held" {
		t.Errorf("what is held, after another look at the packs: %q, %v", got, err)
	}
}

// One pack that cannot be read does not hide what others have, and is named where an object is missing.
func TestADamagedPackIsNamed(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Commit("a", "in the first pack")
	first := r.Git("rev-parse", "HEAD:a")
	r.Git("repack", "-q", "-d")
	bad := packs(t, r, ".pack")[0]
	r.Commit("a", "in the second")
	second := r.Git("rev-parse", "HEAD:a")
	r.Git("repack", "-q", "-d")
	damage(t, bad, func(data []byte) []byte { data[len(data)-1] ^= 1; return data })
	s := NewStore(objectsOf(r))
	if got, err := text(t, s.Current(), second); err != nil || got != "in the second" || s.IsDamaged() {
		t.Errorf("what the other pack has: %q, %v; damaged: %t", got, err, s.IsDamaged())
	}
	if s.PackCount() != 1 {
		t.Errorf("%d packs can be read", s.PackCount())
	}
	_, err := text(t, s.Current(), first)
	if err == nil || !strings.Contains(err.Error(), "a pack is unreadable") || !strings.Contains(err.Error(), bad) {
		t.Errorf("what the damaged pack has: %v, which does not name %s", err, bad)
	}
	if !s.IsDamaged() {
		t.Error("the store does not know that it is damaged")
	}
}

func TestDamagedObjectsAreRefused(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	content := strings.Repeat("some content ", 100)
	for name, change := range map[string]func([]byte) []byte{
		"cut off":         func(d []byte) []byte { return d[:len(d)/2] },
		"a wrong sum":     func(d []byte) []byte { d[len(d)-1] ^= 1; return d },
		"not compressed":  func([]byte) []byte { return []byte("blob 3\x00abc") },
		"an empty file":   func([]byte) []byte { return nil },
		"another's bytes": func(d []byte) []byte { d[len(d)/2] ^= 0xff; return d },
	} {
		id := r.ObjectInProcess("blob", name+content)
		damage(t, filepath.Join(objectsOf(r), id[:2], id[2:]), change)
		s := NewStore(objectsOf(r))
		_, err := text(t, s.Current(), id)
		if err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "git fsck") {
			t.Errorf("%s: %v", name, err)
		}
		if !s.IsDamaged() {
			t.Errorf("%s: the store does not know that it is damaged", name)
		}
	}
}

func TestCommitsAreReadThroughTags(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	commit := r.Commit("a", "1")
	o := NewStore(objectsOf(r)).Current()
	tag := func(to, kind string) string {
		return r.ObjectInProcess("tag", "object "+to+"\ntype "+kind+"\ntag v1\ntagger A <a@b> 1 +0000\n\nv1\n")
	}
	id := commit
	for n := range 12 {
		c, at, err := ReadCommit(o, hash(t, id))
		if n < 10 && (err != nil || at != hash(t, commit) || c.Subject != "change") {
			t.Errorf("through %d tags: %+v at %s, %v", n, c, at, err)
		}
		if n >= 10 && (err == nil || !strings.Contains(err.Error(), "without end")) {
			t.Errorf("through %d tags: %+v, %v", n, c, err)
		}
		id = tag(id, "commit")
	}
	for name, id := range map[string]string{
		"a file": r.Git("rev-parse", "HEAD:a"), "a folder": r.Git("rev-parse", "HEAD:"),
		"a tag of a file": tag(r.Git("rev-parse", "HEAD:a"), "blob"),
	} {
		if c, _, err := ReadCommit(o, hash(t, id)); err == nil || !strings.Contains(err.Error(), "is not a commit") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	if _, _, err := ReadCommit(o, hash(t, r.ObjectInProcess("tag", "type commit\n"))); err == nil {
		t.Error("a tag that names nothing leads somewhere")
	}
	var missing *MissingError
	if _, _, err := ReadCommit(o, hash(t, tag(aID, "commit"))); !errors.As(err, &missing) {
		t.Errorf("a tag of what is missing: %v", err)
	}
}

func TestTreesAreCheckedWhenTheyAreRead(t *testing.T) {
	t.Parallel()
	r := gittest.New(t)
	r.Commit("a", "1", "d/b", "2")
	o := NewStore(objectsOf(r)).Current()
	root, err := o.Tree(hash(t, r.Git("rev-parse", "HEAD:")))
	if err != nil || len(root.Entries) != 2 || root.Entries[1].Kind != KindFolder {
		t.Fatalf("%+v, %v", root, err)
	}
	if again, err := o.Tree(hash(t, r.Git("rev-parse", "HEAD:"))); err != nil || again != root {
		t.Errorf("it is decoded again: %v", err)
	}
	for name, id := range map[string]string{
		"a file":         r.Git("rev-parse", "HEAD:a"),
		"a damaged tree": r.ObjectInProcess("tree", "100644 a"),
	} {
		tree, err := o.Tree(hash(t, id))
		if err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), "git fsck") {
			t.Errorf("%s: %+v, %v", name, tree, err)
		}
	}
}
