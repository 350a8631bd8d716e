package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/drover-dev/drover/hub"
)

const (
	maxFile   = 32 << 20  // bytes of a file that is read
	maxTree   = 100 << 20 // bytes of a tree object
	maxTarget = 4096      // bytes of a symbolic link's target, as Linux has it
)

// lfsPrefix starts the file that Git LFS commits in place of a large one (its specification, version 1).
var lfsPrefix = []byte("version https://git-lfs.github.com/spec/")

var (
	errFolder    = errors.New("this is a folder, not a file")
	errNotFolder = errors.New("this is a file, not a folder")
)

// snapshot is the tree of one commit. It implements hub.Snapshot and fs.ReadLinkFS.
type snapshot struct {
	objects  objects // those of when it was opened are kept readable
	revision hub.Revision
	root     *tree
	rootID   hash
	fetched  time.Time // see Fetched
	past     history
}

var (
	_ hub.Snapshot  = (*snapshot)(nil)
	_ fs.ReadLinkFS = (*snapshot)(nil)
)

// snapshot reads the commit id and the root of its tree.
func (r *repository) snapshot(id hash, branch string) (*snapshot, error) {
	s := &snapshot{}
	c, id, err := readCommit(r.objects(), id)
	if err == nil {
		s.objects, s.rootID, s.revision = r.objects().hold(), c.tree, c.revision(id, branch)
		s.root, err = s.objects.tree(c.tree)
	}
	if err != nil {
		return nil, fmt.Errorf("read commit %s of %s: %w", id, r.path, err)
	}
	return s, nil
}

// Revision returns the commit that the snapshot shows.
func (s *snapshot) Revision() hub.Revision { return s.revision }

// Fetched is when the look at the origin began that found this commit (hub.Snapshot).
func (s *snapshot) Fetched() time.Time { return s.fetched }

// blob reads a file's content, of at most limit bytes.
func (s *snapshot) blob(id hash, limit int64) ([]byte, error) {
	obj, err := s.objects.read(id, limit)
	if err != nil {
		return nil, err
	}
	if obj.kind != typeBlob {
		return nil, fmt.Errorf("object %s is not a file's content: run git fsck in the repository", id)
	}
	return obj.data, nil
}

// ReadFile returns the content of a file of at most 32 MiB. It is an error if the content
// is kept elsewhere by Git LFS.
func (s *snapshot) ReadFile(name string) ([]byte, error) {
	n, err := s.resolve("read", name, true)
	if err != nil {
		return nil, err
	}
	return s.content("read", n)
}

// content reads what a node that is a file holds. The result belongs to the caller.
func (s *snapshot) content(op string, n node) ([]byte, error) {
	if n.kind == kindFolder {
		return nil, &fs.PathError{Op: op, Path: n.path, Err: errFolder}
	}
	data, err := s.blob(n.id, maxFile)
	var tooLarge *tooLargeError
	switch {
	case errors.As(err, &tooLarge):
		err = fmt.Errorf("file is too large: %w: keep it outside of the repository", err)
	case err == nil && bytes.HasPrefix(data, lfsPrefix):
		err = errors.New("content is kept by Git LFS, which is not fetched: commit the file itself (git lfs untrack, git add --renormalize)")
	}
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: n.path, Err: err}
	}
	return bytes.Clone(data), nil
}

// ReadDir lists a folder, sorted by name. Symbolic links are listed as such (fs.ModeSymlink);
// Stat tells what they lead to.
func (s *snapshot) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := s.resolve("readdir", name, true)
	if err != nil {
		return nil, err
	}
	return s.list(n)
}

func (s *snapshot) list(n node) ([]fs.DirEntry, error) {
	if n.kind != kindFolder {
		return nil, &fs.PathError{Op: "readdir", Path: n.path, Err: errNotFolder}
	}
	t, err := s.objects.tree(n.id)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: n.path, Err: err}
	}
	list := make([]fs.DirEntry, len(t.entries))
	for i := range t.entries {
		list[i] = &dirEntry{s, &t.entries[i]}
	}
	return list, nil
}

// Stat describes what a path leads to through symbolic links.
func (s *snapshot) Stat(name string) (fs.FileInfo, error) {
	n, err := s.resolve("stat", name, true)
	if err != nil {
		return nil, err
	}
	return s.info("stat", name, n.entry)
}

// Lstat describes a path, or the symbolic link that it is.
func (s *snapshot) Lstat(name string) (fs.FileInfo, error) {
	n, err := s.resolve("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return s.info("lstat", name, n.entry)
}

// ReadLink returns the target of a symbolic link as it was committed.
func (s *snapshot) ReadLink(name string) (string, error) {
	n, err := s.resolve("readlink", name, false)
	if err == nil && n.kind != kindLink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fmt.Errorf("%w: not a symbolic link", fs.ErrInvalid)}
	}
	if err != nil {
		return "", err
	}
	target, err := s.blob(n.id, maxTarget)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target), nil
}

// Open opens a file, whose content is read at once, or a folder.
func (s *snapshot) Open(name string) (fs.File, error) {
	n, err := s.resolve("open", name, true)
	if err != nil {
		return nil, err
	}
	if n.kind == kindFolder {
		info, err := s.info("open", name, n.entry)
		return &openFolder{snapshot: s, node: n, info: info}, err
	}
	data, err := s.content("open", n)
	if err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(data), fileInfo{baseName(name), n.kind, int64(len(data)), s.revision.Time}}, nil
}
