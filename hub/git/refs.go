package git

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const branchPrefix = "refs/heads/"

// maxRef is the most bytes that the file of a ref may have; git writes 41, or the name of another ref.
const maxRef = 4 << 10

// readAtMost reads a file of a repository that may be on this machine, where no server has bounded it.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && info.Size() > limit {
		return nil, fmt.Errorf("%s: %w", path, &tooLargeError{info.Size(), limit})
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// errNoRef says that a ref does not exist.
var errNoRef = errors.New("no such ref")

// ref reads what a ref leads to, and the name of the last ref on the way: HEAD leads to refs/heads/main.
// If the last one does not exist the error is errNoRef, and at still names it.
func (r *repository) ref(name string) (h hash, at string, err error) {
	const hops = 5
	at = name
	for range hops {
		value, err := r.readRef(at)
		if err != nil {
			return h, at, err
		}
		next, symbolic := strings.CutPrefix(value, "ref:")
		if !symbolic {
			if h, err = parseHash(value); err != nil {
				return h, at, fmt.Errorf("read %s: %w", at, err)
			}
			return h, at, nil
		}
		if at = strings.TrimSpace(next); !validRef(at) {
			return h, at, fmt.Errorf("read %s: it leads to %q, which is not the name of a ref", name, at)
		}
	}
	return h, at, fmt.Errorf("read %s: it leads from ref to ref without end", name)
}

// readRef reads a ref's own value. git pack-refs moves refs from files of their own into packed-refs
// and removes the files then, so what is in neither is looked for once more. Who writes refs
// without git may leave a file empty for a moment.
func (r *repository) readRef(name string) (string, error) {
	for range 3 {
		dir := r.common
		if !strings.HasPrefix(name, "refs/") {
			dir = r.git
		}
		data, err := readAtMost(filepath.Join(dir, filepath.FromSlash(name)), maxRef)
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
func (r *repository) packedRefs(f func(id, ref string) bool) error {
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
func (r *repository) branches() []string {
	var names []string
	_ = r.packedRefs(func(_, ref string) bool {
		if name, ok := strings.CutPrefix(ref, branchPrefix); ok {
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

// head says what commit a branch is at.
type head struct {
	id     hash
	branch string // or the name of another ref that HEAD leads to, or HEAD itself
}

// ref is the name of the ref that the head was read from.
func (h head) ref() string {
	if h.branch == "HEAD" || strings.HasPrefix(h.branch, "refs/") {
		return h.branch
	}
	return branchPrefix + h.branch
}

// head reads where branch, or another ref by its whole name, is, or HEAD if branch is empty.
func (r *repository) head(branch string) (head, error) {
	name := "HEAD"
	if branch != "" {
		name = head{branch: branch}.ref()
	}
	id, at, err := r.ref(name)
	switch short, isBranch := strings.CutPrefix(at, branchPrefix); {
	case errors.Is(err, errNoRef):
		return head{}, r.noBranch(short)
	case err != nil:
		return head{}, fmt.Errorf("read repository %s: %w", r.path, err)
	case isBranch:
		return head{id, short}, nil
	default:
		return head{id, at}, nil
	}
}

// noBranch explains that a branch does not exist.
func (r *repository) noBranch(branch string) error {
	there := r.branches()
	if len(there) == 0 {
		return fmt.Errorf("read repository %s: it is empty: commit to its branch %s, which is noticed by itself", r.path, branch)
	}
	return fmt.Errorf("read repository %s: it has no branch %s: create it, or choose one of %s", r.path, branch, some(there))
}

// some lists a few names.
func some(names []string) string {
	const few = 5
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// validRef reports whether name is one of a ref whose file lies within the repository
// (git-check-ref-format(1), in so far as paths are concerned).
func validRef(name string) bool {
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
