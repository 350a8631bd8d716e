package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/config"

	"github.com/drover-dev/drover/hub/git/object"
)

// Repository is a Git repository on this machine (gitrepository-layout(5)).
type Repository struct {
	path   string // as people know it
	git    string // HEAD is here
	common string // refs and objects are here; the same as git except in a linked work tree
	store  *object.Store
}

// objects are those of the repository, as they are when one is read.
func (r *Repository) objects() object.Objects { return r.store.Current() }

// Open opens the repository at path: a work tree, a linked one, or a bare repository.
func Open(path string) (*Repository, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", path, err)
	}
	switch info, err := os.Stat(abs); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("open repository %s: there is no such folder: correct the path, or clone the repository there: %w",
			path, fs.ErrNotExist)
	case err != nil:
		return nil, fmt.Errorf("open repository %s: %w", path, err)
	case !info.IsDir():
		return nil, fmt.Errorf("open repository %s: this is a file: name the folder that the repository is in", path)
	}
	dir, err := gitDir(abs)
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", path, err)
	}
	r := &Repository{path: path, git: dir, common: dir}
	if other, err := os.ReadFile(filepath.Join(dir, "commondir")); err == nil {
		r.common = relativeTo(dir, strings.TrimSpace(string(other)))
	}
	if err := r.checkFormat(); err != nil {
		return nil, fmt.Errorf("open repository %s: %w", path, err)
	}
	r.store = object.NewStore(filepath.Join(r.common, "objects"))
	return r, nil
}

// gitDir finds the folder with the repository's data.
func gitDir(abs string) (string, error) {
	dot := filepath.Join(abs, ".git")
	switch info, err := os.Stat(dot); {
	case err == nil && info.IsDir() && looksLikeGit(dot):
		return dot, nil
	case err == nil && !info.IsDir():
		data, err := os.ReadFile(dot)
		if err != nil {
			return "", err
		}
		target, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: ")
		if target = relativeTo(abs, target); !ok || !looksLikeGit(target) {
			return "", fmt.Errorf("its .git file leads to %s, which is not a Git repository: run git worktree repair, or clone again", target)
		}
		return target, nil
	}
	if looksLikeGit(abs) {
		return abs, nil
	}
	for up := filepath.Dir(abs); up != filepath.Dir(up); up = filepath.Dir(up) {
		if _, err := os.Stat(filepath.Join(up, ".git")); err == nil {
			return "", fmt.Errorf("this is a folder inside the repository %s: give that path", up)
		}
	}
	return "", errors.New("this is not a Git repository (nothing in it is named .git): give the path of one, or run git init there")
}

func looksLikeGit(dir string) bool {
	if _, err := os.Lstat(filepath.Join(dir, "HEAD")); err != nil {
		return false
	}
	for _, name := range []string{"objects", "commondir"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func relativeTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// checkFormat refuses repositories whose objects or refs are kept in another way than is read here.
func (r *Repository) checkFormat() error {
	f, err := os.Open(filepath.Join(r.common, "config"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	cfg := config.New()
	if err := config.NewDecoder(f).Decode(cfg); err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	extensions := cfg.Section("extensions")
	if v := extensions.Option("objectFormat"); v != "" && !strings.EqualFold(v, "sha1") {
		return fmt.Errorf("its object format is %s, and only sha1 is supported: use a repository made with git init --object-format=sha1", v)
	}
	if v := extensions.Option("refStorage"); v != "" && !strings.EqualFold(v, "files") {
		return fmt.Errorf("its refs are stored as %s, and only files are supported: run git refs migrate --ref-format=files there", v)
	}
	return nil
}

// DropParts removes what fetches that were interrupted, or refused, left in a mirror.
func (r *Repository) DropParts() {
	parts, _ := filepath.Glob(filepath.Join(r.common, "objects", "pack", "tmp_pack_*"))
	for _, p := range parts {
		_ = os.Remove(p)
	}
}

// Path is what people know the repository by.
func (r *Repository) Path() string { return r.path }

// Named has errors call the repository by another name, such as the address that it was cloned from.
func (r *Repository) Named(name string) { r.path = name }

// GitDir is the folder that HEAD is in.
func (r *Repository) GitDir() string { return r.git }

// CommonDir is the folder that refs and objects are in: GitDir, except in a linked work tree.
func (r *Repository) CommonDir() string { return r.common }

// Damaged says whether an object was found to be missing or unreadable.
func (r *Repository) Damaged() bool { return r.store.IsDamaged() }

// Packs is how many packs there were when it was looked last.
func (r *Repository) Packs() int { return r.store.PackCount() }

// Reuse has r, which is the same repository as old, go on with the packs that old has open.
func (r *Repository) Reuse(old *Repository) {
	if old != nil && old.common == r.common {
		r.store = old.store
	}
}

// Replace has r take the place of old, another copy of the same repository: snapshots of old read from r what they
// could not read from their own.
func (r *Repository) Replace(old *Repository) {
	old.store.MoveTo(r.store.Dir())
	r.store = old.store
}
