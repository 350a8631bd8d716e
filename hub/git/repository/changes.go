package repository

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/model"
)

// Trees can be made so that they unfold to more than fits anywhere. These are far beyond any real one.
const (
	maxChanges = 1 << 20  // paths
	maxPath    = 16 << 10 // bytes
)

// Changes lists what differs from an older snapshot (model.Snapshot). From nil, everything differs.
func (s *Snapshot) Changes(from model.Snapshot) ([]string, error) {
	d := diff{now: s, limit: maxChanges}
	var err error
	switch old := from.(type) {
	case nil:
		err = d.all(s, ".", object.Entry{ID: s.rootID, Kind: object.KindFolder})
	case *Snapshot:
		if d.old = old; old.rootID != s.rootID {
			err = d.folders(".", old.root, s.root)
		}
	default:
		return nil, fmt.Errorf("compare revisions: a snapshot of type %T is not one of Git", from)
	}
	if err != nil {
		return nil, fmt.Errorf("compare revisions: %w", err)
	}
	slices.Sort(d.paths)
	return d.paths, nil
}

// diff collects the paths that differ between two snapshots.
type diff struct {
	old, now *Snapshot
	limit    int // of paths
	paths    []string
}

// folders compares two listings of the folder at path, both sorted.
func (d *diff) folders(path string, old, now *object.Tree) error {
	listing := false // the set of names or kinds changed
	a, b := old.Entries, now.Entries
	for len(a) > 0 || len(b) > 0 {
		var err error
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name:
			listing, err = true, d.all(d.old, join(path, a[0].Name), a[0])
			a = a[1:]
		case len(a) == 0 || b[0].Name < a[0].Name:
			listing, err = true, d.all(d.now, join(path, b[0].Name), b[0])
			b = b[1:]
		default:
			if a[0].ID != b[0].ID || a[0].Kind != b[0].Kind {
				listing = listing || a[0].Kind.Class() != b[0].Kind.Class()
				err = d.entries(join(path, a[0].Name), a[0], b[0])
			}
			a, b = a[1:], b[1:]
		}
		if err != nil {
			return err
		}
	}
	if listing {
		d.paths = append(d.paths, path)
	}
	return nil
}

// entries compares two entries at path that are not the same.
func (d *diff) entries(path string, old, now object.Entry) error {
	if old.Kind != object.KindFolder || now.Kind != object.KindFolder {
		d.paths = append(d.paths, path)
		if err := d.below(d.old, path, old); err != nil {
			return err
		}
		return d.below(d.now, path, now)
	}
	a, err := d.old.objects.Tree(old.ID)
	if err != nil {
		return fmt.Errorf("read folder %s of %s: %w", path, d.old.revision.Hash, err)
	}
	b, err := d.now.objects.Tree(now.ID)
	if err != nil {
		return fmt.Errorf("read folder %s of %s: %w", path, d.now.revision.Hash, err)
	}
	return d.folders(path, a, b)
}

// all lists what appeared or vanished: the entry at path and everything below.
func (d *diff) all(s *Snapshot, path string, e object.Entry) error {
	if len(path) > maxPath || len(d.paths) > d.limit {
		return fmt.Errorf("folder %.60s of %s: its tree unfolds without end: remove it from the repository", path, s.revision.Hash)
	}
	d.paths = append(d.paths, path)
	return d.below(s, path, e)
}

// below lists everything below path, if it is a folder.
func (d *diff) below(s *Snapshot, path string, e object.Entry) error {
	if e.Kind != object.KindFolder {
		return nil
	}
	t, err := s.objects.Tree(e.ID)
	if err != nil {
		return fmt.Errorf("read folder %s of %s: %w", path, s.revision.Hash, err)
	}
	for _, e := range t.Entries {
		if err := d.all(s, join(path, e.Name), e); err != nil {
			return err
		}
	}
	return nil
}

func join(folder, name string) string {
	if folder == "." {
		return name
	}
	return folder + "/" + name
}
