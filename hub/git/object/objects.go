package object

import (
	"errors"
	"fmt"
)

// Objects is how everything above it reads what a repository holds: snapshots, revisions and histories know of neither
// packs nor loose files. It is safe for concurrent use. docs/decisions/git-objects.md says what else could stand behind
// it.
type Objects interface {
	// Read returns an object of at most limit bytes.
	Read(id Hash, limit int64) (Raw, error)
	// Stat returns an object's type and size in bytes without reading all of it.
	Stat(id Hash) (kind byte, size int64, err error)
	// Tree returns a decoded tree, which is shared and must not be changed.
	Tree(id Hash) (*Tree, error)
	// WithPrefix lists the objects whose id starts with prefix, at least two digits, sorted.
	WithPrefix(prefix string) ([]Hash, error)
	// Hold returns the same objects, those of now readable for as long as it is referred to, also when git repacks.
	Hold() Objects
}

// view is the objects of a store.
type view struct {
	store *Store
	held  *sight // the packs that are kept open; nil for none
}

var _ Objects = view{}

// Read implements Objects.
func (v view) Read(id Hash, limit int64) (Raw, error) { return v.store.read(v.held, id, limit) }

// Stat implements Objects.
func (v view) Stat(id Hash) (kind byte, size int64, err error) { return v.store.stat(v.held, id) }

// WithPrefix implements Objects.
func (v view) WithPrefix(prefix string) ([]Hash, error) { return v.store.withPrefix(prefix) }

// Hold implements Objects.
func (v view) Hold() Objects { return view{v.store, v.store.seen.Load()} }

// Tree implements Objects.
func (v view) Tree(id Hash) (*Tree, error) {
	if t, ok := v.store.trees.get(id); ok {
		return t, nil
	}
	obj, err := v.Read(id, MaxTree)
	if err != nil {
		return nil, err
	}
	if obj.Kind != typeTree {
		return nil, fmt.Errorf("object %s is not a tree: run git fsck in the repository", id)
	}
	t, err := DecodeTree(obj.Data)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w: run git fsck in the repository", id, err)
	}
	v.store.trees.put(id, t, t.size)
	return t, nil
}

// ReadCommit reads the commit with that id, or the one that a tag with that id points to.
func ReadCommit(from Objects, id Hash) (*Commit, Hash, error) {
	const tags = 10
	for range tags {
		obj, err := from.Read(id, maxCommit)
		if err != nil {
			return nil, id, err
		}
		switch obj.Kind {
		case typeCommit:
			c, err := decodeCommit(obj.Data)
			return c, id, err
		case typeTag:
			if id, err = tagged(obj.Data); err != nil {
				return nil, id, err
			}
		default:
			return nil, id, fmt.Errorf("object %s is not a commit", id)
		}
	}
	return nil, id, errors.New("tag leads to tag without end")
}

// Current are the objects of a store, as they are when one is read.
func (s *Store) Current() Objects { return view{store: s} }
