package repository

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/model"
)

const (
	maxFile   = 32 << 20 // bytes of a file that is read
	maxTarget = 4096     // bytes of a symbolic link's target, as Linux has it
)

// lfsPrefix starts the file that Git LFS commits in place of a large one (its specification, version 1).
var lfsPrefix = []byte("version https://git-lfs.github.com/spec/")

var (
	errFolder    = errors.New("this is a folder, not a file")
	errNotFolder = errors.New("this is a file, not a folder")
)

// Snapshot is the tree of one commit. It implements model.Snapshot and fs.ReadLinkFS.
type Snapshot struct {
	objects  object.Objects // those of when it was opened are kept readable
	revision model.Revision
	root     *object.Tree
	rootID   object.Hash
	fetched  time.Time // see Fetched
	address  string    // of its repository; "" if it has none
	past     history
}

var (
	_ model.Snapshot = (*Snapshot)(nil)
	_ fs.ReadLinkFS  = (*Snapshot)(nil)
)

// Snapshot reads the commit id and the root of its tree.
func (r *Repository) Snapshot(id object.Hash, branch string) (*Snapshot, error) {
	s := &Snapshot{}
	c, id, err := object.ReadCommit(r.objects(), id)
	if err == nil {
		s.objects, s.rootID, s.revision = r.objects().Hold(), c.Tree, describe(c, id, branch)
		s.root, err = s.objects.Tree(c.Tree)
	}
	if err != nil {
		return nil, fmt.Errorf("read commit %s of %s: %w", id, r.path, err)
	}
	return s, nil
}

// Revision returns the commit that the snapshot shows.
func (s *Snapshot) Revision() model.Revision { return s.revision }

// Fetched is when the look at the origin began that found this commit (model.Snapshot).
func (s *Snapshot) Fetched() time.Time { return s.fetched }

// blob reads a file's content, of at most limit bytes.
func (s *Snapshot) blob(id object.Hash, limit int64) ([]byte, error) {
	obj, err := s.objects.Read(id, limit)
	if err != nil {
		return nil, err
	}
	if obj.Kind != object.TypeBlob {
		return nil, fmt.Errorf("object %s is not a file's content: run git fsck in the repository", id)
	}
	return obj.Data, nil
}

// ReadFile returns the content of a file of at most 32 MiB. It is an error if the content
// is kept elsewhere by Git LFS.
func (s *Snapshot) ReadFile(name string) ([]byte, error) {
	n, err := s.resolve("read", name, true)
	if err != nil {
		return nil, err
	}
	return s.content("read", n)
}

// content reads what a node that is a file holds. The result belongs to the caller.
func (s *Snapshot) content(op string, n node) ([]byte, error) {
	if n.Kind == object.KindFolder {
		return nil, &fs.PathError{Op: op, Path: n.path, Err: errFolder}
	}
	data, err := s.blob(n.ID, maxFile)
	var tooLarge *object.TooLargeError
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
func (s *Snapshot) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := s.resolve("readdir", name, true)
	if err != nil {
		return nil, err
	}
	return s.list(n)
}

func (s *Snapshot) list(n node) ([]fs.DirEntry, error) {
	if n.Kind != object.KindFolder {
		return nil, &fs.PathError{Op: "readdir", Path: n.path, Err: errNotFolder}
	}
	t, err := s.objects.Tree(n.ID)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: n.path, Err: err}
	}
	list := make([]fs.DirEntry, len(t.Entries))
	for i := range t.Entries {
		list[i] = &dirEntry{s, &t.Entries[i]}
	}
	return list, nil
}

// Stat describes what a path leads to through symbolic links.
func (s *Snapshot) Stat(name string) (fs.FileInfo, error) {
	n, err := s.resolve("stat", name, true)
	if err != nil {
		return nil, err
	}
	return s.info("stat", name, n.Entry)
}

// Lstat describes a path, or the symbolic link that it is.
func (s *Snapshot) Lstat(name string) (fs.FileInfo, error) {
	n, err := s.resolve("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return s.info("lstat", name, n.Entry)
}

// ReadLink returns the target of a symbolic link as it was committed.
func (s *Snapshot) ReadLink(name string) (string, error) {
	n, err := s.resolve("readlink", name, false)
	if err == nil && n.Kind != object.KindLink {
		err = &fs.PathError{Op: "readlink", Path: name, Err: fmt.Errorf("%w: not a symbolic link", fs.ErrInvalid)}
	}
	if err != nil {
		return "", err
	}
	target, err := s.blob(n.ID, maxTarget)
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target), nil
}

// Open opens a file, whose content is read at once, or a folder.
func (s *Snapshot) Open(name string) (fs.File, error) {
	n, err := s.resolve("open", name, true)
	if err != nil {
		return nil, err
	}
	if n.Kind == object.KindFolder {
		info, err := s.info("open", name, n.Entry)
		return &openFolder{snapshot: s, node: n, info: info}, err
	}
	data, err := s.content("open", n)
	if err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(data), fileInfo{baseName(name), n.Kind, int64(len(data)), s.revision.Time}}, nil
}

// describe describes a commit that was read from a branch.
func describe(c *object.Commit, id object.Hash, branch string) model.Revision {
	return model.Revision{Hash: id.String(), Branch: branch, Author: c.Author, Subject: c.Subject, Time: c.Time}
}

// FetchedAt notes when the look at the origin began that found this commit.
func (s *Snapshot) FetchedAt(began time.Time) { s.fetched = began }
