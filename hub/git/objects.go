package git

import (
	"errors"
	"fmt"
)

// objects is how everything above it reads what a repository holds: snapshots, revisions and histories know of
// neither packs
// nor loose files. It is safe for concurrent use. docs/decisions/git-objects.md says what else could stand behind it.
type objects interface {
	// read returns an object of at most limit bytes.
	read(id hash, limit int64) (rawObject, error)
	// stat returns an object's type and size in bytes without reading all of it.
	stat(id hash) (kind byte, size int64, err error)
	// tree returns a decoded tree, which is shared and must not be changed.
	tree(id hash) (*tree, error)
	// withPrefix lists the objects whose id starts with prefix, at least two digits, sorted.
	withPrefix(prefix string) ([]hash, error)
	// hold returns the same objects, those of now readable for as long as it is referred to, also when git repacks.
	hold() objects
}

// view is the objects of a store.
type view struct {
	store *store
	held  *sight // the packs that are kept open; nil for none
}

var _ objects = view{}

func (v view) read(id hash, limit int64) (rawObject, error) { return v.store.read(v.held, id, limit) }

func (v view) stat(id hash) (kind byte, size int64, err error) { return v.store.stat(v.held, id) }

func (v view) withPrefix(prefix string) ([]hash, error) { return v.store.withPrefix(prefix) }

func (v view) hold() objects { return view{v.store, v.store.seen.Load()} }

func (v view) tree(id hash) (*tree, error) {
	if t, ok := v.store.trees.get(id); ok {
		return t, nil
	}
	obj, err := v.read(id, maxTree)
	if err != nil {
		return nil, err
	}
	if obj.kind != typeTree {
		return nil, fmt.Errorf("object %s is not a tree: run git fsck in the repository", id)
	}
	t, err := decodeTree(obj.data)
	if err != nil {
		return nil, fmt.Errorf("object %s: %w: run git fsck in the repository", id, err)
	}
	v.store.trees.put(id, t, t.size)
	return t, nil
}

// readCommit reads the commit with that id, or the one that a tag with that id points to.
func readCommit(from objects, id hash) (*commit, hash, error) {
	const tags = 10
	for range tags {
		obj, err := from.read(id, maxCommit)
		if err != nil {
			return nil, id, err
		}
		switch obj.kind {
		case typeCommit:
			c, err := decodeCommit(obj.data)
			return c, id, err
		case typeTag:
			if id, err = tagged(obj.data); err != nil {
				return nil, id, err
			}
		default:
			return nil, id, fmt.Errorf("object %s is not a commit", id)
		}
	}
	return nil, id, errors.New("tag leads to tag without end")
}
