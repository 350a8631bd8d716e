package object

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	treeCacheSize = 64 << 20 // bytes of decoded trees that are kept
	baseCacheSize = 16 << 20 // bytes of objects that deltas were applied to
)

// Store reads the objects of a repository: from packs, loose files, and the
// repositories that it borrows from. It is safe for concurrent use.
type Store struct {
	home    atomic.Pointer[string] // the objects folder
	damaged atomic.Bool            // an object was missing or unreadable

	trees *cache[Hash, *Tree]
	bases *cache[baseKey, Raw]

	mu    sync.Mutex // one listing at a time; guards known
	known map[string]*pack

	seen atomic.Pointer[sight]
}

// sight is what a listing of the store found. It does not change, so holding it holds
// the packs open.
type sight struct {
	dirs  []string // objects folders: the repository's own, then borrowed ones
	packs []*pack
	bad   error // why some pack could not be opened
}

// NewStore returns the store of an objects folder. It reads nothing yet.
func NewStore(objectsDir string) *Store {
	s := &Store{
		trees: newCache[Hash, *Tree](treeCacheSize),
		bases: newCache[baseKey, Raw](baseCacheSize),
		known: map[string]*pack{},
	}
	s.MoveTo(objectsDir)
	return s
}

// MoveTo makes the store read from another copy of the repository from now on.
func (s *Store) MoveTo(objectsDir string) {
	s.home.Store(&objectsDir)
	s.seen.Store(&sight{dirs: []string{objectsDir}})
	s.damaged.Store(false)
}

// Dir is the objects folder.
func (s *Store) Dir() string { return *s.home.Load() }

// MissingError says that the repository lacks an object it should have. It is never
// fs.ErrNotExist: a damaged repository must not look like one where a file was deleted.
type MissingError struct {
	ID  Hash
	dir string
}

// Error implements error.
func (e *MissingError) Error() string {
	return fmt.Sprintf("object %s is missing from %s: the repository is damaged, pruned, or a shallow or partial clone; "+
		"run git fsck there, or clone it again in full", e.ID, filepath.Dir(e.dir))
}

// read returns an object of at most limit bytes. It looks in held first, then in what is there now.
func (s *Store) read(held *sight, h Hash, limit int64) (obj Raw, err error) {
	err = s.find(held, h,
		func(p *pack, offset int64) (err error) { obj, err = p.read(offset, limit); return err },
		func(file string) (err error) { obj, _, err = readLoose(file, limit); return err })
	return obj, err
}

// stat returns an object's type and size in bytes.
func (s *Store) stat(held *sight, h Hash) (kind byte, size int64, err error) {
	err = s.find(held, h,
		func(p *pack, offset int64) (err error) { kind, size, err = p.stat(offset); return err },
		func(file string) error {
			obj, n, err := readLoose(file, -1)
			kind, size = obj.Kind, n
			return err
		})
	return kind, size, err
}

// find calls one of the two functions with the place of an object. git may move the object
// from a loose file to a pack or from pack to pack meanwhile, so what is not found is looked for
// again in a new listing.
func (s *Store) find(held *sight, h Hash, inPack func(*pack, int64) error, inFile func(string) error) error {
	const listings = 3
	err, now := errAbsent, s.seen.Load()
	if held != nil {
		err = held.find(h, inPack, inFile)
	}
	var tooLarge *TooLargeError
	if now != held && err != nil && !errors.As(err, &tooLarge) { // absent, or the copy is damaged
		err = now.find(h, inPack, inFile)
	}
	for i := 0; i < listings && errors.Is(err, errAbsent); i++ {
		if now, err = s.list(); err == nil {
			err = now.find(h, inPack, inFile)
		}
	}
	return s.explain(h, err, now)
}

// explain makes an error of find one for people, and notes that the store is damaged.
func (s *Store) explain(h Hash, err error, now *sight) error {
	var tooLarge *TooLargeError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	s.damaged.Store(true)
	if !errors.Is(err, errAbsent) {
		return fmt.Errorf("object %s in %s is unreadable: %v; run git fsck there", h, filepath.Dir(s.Dir()), err)
	}
	if now != nil && now.bad != nil {
		return fmt.Errorf("object %s is missing from %s, where a pack is unreadable: %v", h, filepath.Dir(s.Dir()), now.bad)
	}
	return &MissingError{h, s.Dir()}
}

// errAbsent says that a listing of the store does not have an object.
var errAbsent = errors.New("object is absent")

func (v *sight) find(h Hash, inPack func(*pack, int64) error, inFile func(string) error) error {
	for _, p := range v.packs {
		if offset, ok := p.index.find(h); ok {
			return inPack(p, offset)
		}
	}
	name := h.String()
	for _, dir := range v.dirs {
		err := inFile(dir + "/" + name[:2] + "/" + name[2:])
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errAbsent
}

// list looks at what packs there are. Those that were open stay so.
func (s *Store) list() (*sight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &sight{dirs: objectDirs(s.Dir(), nil)}
	known := map[string]*pack{}
	for _, dir := range next.dirs {
		names, err := os.ReadDir(filepath.Join(dir, "pack"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, name := range names {
			idx := filepath.Join(dir, "pack", name.Name())
			if !strings.HasSuffix(idx, ".idx") || known[idx] != nil {
				continue
			}
			p, err := s.known[idx], error(nil)
			if p == nil {
				p, err = openPack(idx, s.bases)
			}
			switch {
			case err == nil:
				known[idx] = p
				next.packs = append(next.packs, p)
			case !errors.Is(err, fs.ErrNotExist): // else it was deleted since, or its pack is not there yet
				next.bad = err // the other packs may have what is asked for
			}
		}
	}
	s.known = known
	s.seen.Store(next)
	return next, nil
}

// objectDirs adds to dirs an objects folder and those that it borrows from, which
// info/alternates names (gitrepository-layout(5)).
func objectDirs(dir string, dirs []string) []string {
	const most = 32
	for _, d := range dirs {
		if d == dir {
			return dirs
		}
	}
	if dirs = append(dirs, dir); len(dirs) > most {
		return dirs
	}
	f, err := os.Open(filepath.Join(dir, "info", "alternates"))
	if err != nil {
		return dirs
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		other := lines.Text()
		if other == "" || other[0] == '#' {
			continue
		}
		if !filepath.IsAbs(other) {
			other = filepath.Join(dir, other)
		}
		dirs = objectDirs(filepath.Clean(other), dirs)
	}
	return dirs
}

// withPrefix lists the objects whose id starts with prefix, at least two digits, sorted.
func (s *Store) withPrefix(prefix string) ([]Hash, error) {
	now, err := s.list()
	if err != nil {
		return nil, err
	}
	found := map[Hash]bool{}
	for _, p := range now.packs {
		p.index.withPrefix(prefix, unhex(prefix[0])<<4|unhex(prefix[1]), found)
	}
	for _, dir := range now.dirs {
		files, _ := os.ReadDir(filepath.Join(dir, prefix[:2]))
		for _, f := range files {
			if h, err := ParseHash(prefix[:2] + f.Name()); err == nil && strings.HasPrefix(h.String(), prefix) {
				found[h] = true
			}
		}
	}
	list := make([]Hash, 0, len(found))
	for h := range found {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Hash) int { return strings.Compare(a.String(), b.String()) })
	return list, nil
}

// IsDamaged says whether an object was missing or unreadable.
func (s *Store) IsDamaged() bool { return s.damaged.Load() }

// PackCount is how many packs the last listing found.
func (s *Store) PackCount() int { return len(s.seen.Load().packs) }
