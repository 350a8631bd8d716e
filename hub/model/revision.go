package model

import (
	"context"
	"io/fs"
	"time"
)

// Revision is one Git commit.
type Revision struct {
	Hash    string    // the full commit id, lower-case hexadecimal
	Branch  string    // the branch it was read from
	Author  string    // "Name <mail>"
	Subject string    // first line of the commit message
	Time    time.Time // committer time, UTC
}

// Tree is everything a renderer may read: the files of one revision, by slash-separated paths
// relative to the repository's root ("." is the root), as io/fs wants them. Symbolic links are
// followed inside the tree; one that leaves it is an error. A path that does not exist is
// fs.ErrNotExist.
type Tree interface {
	fs.ReadFileFS
	fs.ReadDirFS
	fs.StatFS
}

// Entry is what one path leads to in a revision.
type Entry struct {
	Path string      // the real path, after symbolic links
	Via  []string    // the paths of the symbolic links that were followed, in order
	Mode fs.FileMode // fs.ModeDir for a folder, 0644 or 0755 for a file
	ID   string      // the Git object id: of a blob's content, or of a folder's whole subtree
}

// View is a tree at one revision. It is safe for concurrent use, and stays readable while what it was taken from
// moves on.
type View interface {
	Tree
	// Revision says what is seen. Two views of one source that have the same Hash are the same.
	Revision() Revision
	// Lookup follows path through symbolic links. If nothing is there the error is
	// fs.ErrNotExist, and the entry still says how far the links led: Path is the real path that
	// was looked for and not found.
	Lookup(path string) (Entry, error)
}

// Snapshot is the tree of one revision, read from Git objects without a checkout.
type Snapshot interface {
	View
	// Changes lists, sorted, every path that differs from the older snapshot: files and links
	// whose content or mode changed, everything (recursively) that appeared or vanished, and
	// folders whose set of entry names or kinds changed. Folders below which only contents
	// changed are not listed. Equal subtrees are skipped by comparing tree ids, so the cost
	// follows the change.
	Changes(from Snapshot) ([]string, error)
	// Fetched is when the look at the repository began that found the branch at this revision. It is zero for a
	// revision that a mirror has from before this process, while the repository itself has not been reached.
	Fetched() time.Time
	// Lacks gives those of revisions (full commit ids) that are neither this one nor in its history.
	Lacks(ctx context.Context, revisions []string) ([]string, error)
	// Trailers gives the values of a trailer of the commits in this one's history that are not in that of an older
	// revision (a full commit id), the newest first. It gives none where it is not certain which commits these are,
	// because there are too many or the history is not complete.
	Trailers(ctx context.Context, since, key string) ([]Trailer, error)
}

// Trailer is what a trailer of a commit says.
type Trailer struct {
	Commit string // its full id
	Author string
	Value  string
}

// Revisions hands out revisions as they appear.
type Revisions interface {
	// Next blocks until the branch is at a revision other than after (a full commit id, or ""
	// for none yet), and returns its snapshot. An error says that the repository could not be read;
	// nothing is changed by it, and the caller may call again: then it returns as soon as the repository can be
	// read, also if the branch is still at after.
	Next(ctx context.Context, after string) (Snapshot, error)
	// Poke makes Next look at once: somebody said that the branch moved.
	Poke()
	// Refresh makes Next look at once and return what that look finds, also if the branch has not moved. A look that
	// has begun before does not count.
	Refresh()
}
