package repository

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/drover-dev/drover/hub/git/object"
)

// BranchPrefix is what the name of a branch's ref begins with.
const BranchPrefix = "refs/heads/"

// maxRef is the most bytes that the file of a ref may have; git writes 41, or the name of another ref.
const maxRef = 4 << 10

// errNoRef says that a ref does not exist.
var errNoRef = errors.New("no such ref")

// ref reads what a ref leads to, and the name of the last ref on the way: HEAD leads to refs/heads/main.
// If the last one does not exist the error is errNoRef, and at still names it.
func (r *Repository) ref(name string) (h object.Hash, at string, err error) {
	const hops = 5
	at = name
	for range hops {
		value, err := r.readRef(at)
		if err != nil {
			return h, at, err
		}
		next, symbolic := strings.CutPrefix(value, "ref:")
		if !symbolic {
			if h, err = object.ParseHash(value); err != nil {
				return h, at, fmt.Errorf("read %s: %w", at, err)
			}
			return h, at, nil
		}
		if at = strings.TrimSpace(next); !ValidRef(at) {
			return h, at, fmt.Errorf("read %s: it leads to %q, which is not the name of a ref", name, at)
		}
	}
	return h, at, fmt.Errorf("read %s: it leads from ref to ref without end", name)
}

// readRef reads a ref's own value. git pack-refs moves refs from files of their own into packed-refs
// and removes the files then, so what is in neither is looked for once more. Who writes refs
// without git may leave a file empty for a moment.
func (r *Repository) readRef(name string) (string, error) {
	for range 3 {
		dir := r.common
		if !strings.HasPrefix(name, "refs/") {
			dir = r.git
		}
		data, err := object.ReadAtMost(filepath.Join(dir, filepath.FromSlash(name)), maxRef)
		if err == nil && len(data) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		if err == nil {
			return strings.TrimSpace(string(data)), nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EISDIR) && !errors.Is(err, syscall.ENOTDIR) {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
		value := ""
		err = r.packedRefs(func(id, ref string) bool {
			if ref == name {
				value = id
			}
			return value == ""
		})
		if err != nil || value != "" {
			return value, err
		}
	}
	return "", errNoRef
}

// packedRefs calls f for each line of the packed-refs file until it returns false.
func (r *Repository) packedRefs(f func(id, ref string) bool) error {
	file, err := os.Open(filepath.Join(r.common, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read packed-refs: %w", err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		id, ref, ok := strings.Cut(lines.Text(), " ")
		if ok && id[0] != '#' && !f(id, strings.TrimSpace(ref)) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read packed-refs: %w", err)
	}
	return nil
}

// branches lists the branches there are, sorted.
func (r *Repository) branches() []string {
	var names []string
	_ = r.packedRefs(func(_, ref string) bool {
		if name, ok := strings.CutPrefix(ref, BranchPrefix); ok {
			names = append(names, name)
		}
		return true
	})
	heads := filepath.Join(r.common, "refs", "heads")
	_ = filepath.WalkDir(heads, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.HasSuffix(path, ".lock") {
			if name, err := filepath.Rel(heads, path); err == nil {
				names = append(names, filepath.ToSlash(name))
			}
		}
		return nil
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// Head says what commit a branch is at.
type Head struct {
	ID     object.Hash
	Branch string // or the name of another ref that HEAD leads to, or HEAD itself
}

// Ref is the name of the ref that the head was read from.
func (h Head) Ref() string {
	if h.Branch == "HEAD" || strings.HasPrefix(h.Branch, "refs/") {
		return h.Branch
	}
	return BranchPrefix + h.Branch
}

// Head reads where branch, or another ref by its whole name, is, or HEAD if branch is empty.
func (r *Repository) Head(branch string) (Head, error) {
	name := "HEAD"
	if branch != "" {
		name = Head{Branch: branch}.Ref()
	}
	id, at, err := r.ref(name)
	switch short, isBranch := strings.CutPrefix(at, BranchPrefix); {
	case errors.Is(err, errNoRef):
		return Head{}, r.noBranch(short)
	case err != nil:
		return Head{}, fmt.Errorf("read repository %s: %w", r.path, err)
	case isBranch:
		return Head{id, short}, nil
	default:
		return Head{id, at}, nil
	}
}

// noBranch explains that a branch does not exist.
func (r *Repository) noBranch(branch string) error {
	there := r.branches()
	if len(there) == 0 {
		return fmt.Errorf("read repository %s: it is empty: commit to its branch %s, which is noticed by itself", r.path, branch)
	}
	return fmt.Errorf("read repository %s: it has no branch %s: create it, or choose one of %s", r.path, branch, Few(there))
}

// Few lists a few names.
func Few(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// ValidRef reports whether name is one of a ref whose file lies within the repository
// (git-check-ref-format(1), in so far as paths are concerned).
func ValidRef(name string) bool {
	if name != "HEAD" && !strings.HasPrefix(name, "refs/") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return !strings.Contains(name, "..") && !strings.ContainsAny(name, " ~^:?*[\\\x7f") &&
		strings.IndexFunc(name, func(c rune) bool { return c < ' ' }) < 0
}
