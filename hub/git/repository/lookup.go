package repository

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/model"
)

// maxLinks is how many symbolic links one path may lead through, as on Linux (path_resolution(7)).
const maxLinks = 40

// node is what a path leads to.
type node struct {
	object.Entry
	path string   // the real path
	via  []string // the links that were followed
}

// Lookup follows name through symbolic links (model.Snapshot).
func (s *Snapshot) Lookup(name string) (model.Entry, error) {
	n, err := s.resolve("lookup", name, true)
	e := model.Entry{Path: n.path, Via: n.via}
	if err == nil {
		e.Mode, e.ID = n.Kind.Mode(), hexadecimal(n.ID)
	}
	return e, err
}

// hexadecimal is the id as a string, in half the time of its String method.
func hexadecimal(id object.Hash) string {
	var digits [2 * object.HashSize]byte
	hex.Encode(digits[:], id[:])
	return string(digits[:])
}

// resolve finds what name leads to. With follow, a link at the end is followed too. If
// nothing is there the error is fs.ErrNotExist, and the node says what was looked for.
func (s *Snapshot) resolve(op, name string, follow bool) (node, error) {
	if !fs.ValidPath(name) {
		return node{path: name}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, err := s.walk(name, follow)
	if err != nil {
		err = &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, err
}

// walk follows name down from the root. As long as no link is met, name is the real path.
func (s *Snapshot) walk(name string, follow bool) (node, error) {
	at := node{Entry: object.Entry{ID: s.rootID, Kind: object.KindFolder}, path: name}
	if name == "." {
		return at, nil
	}
	folder := s.root
	for start := 0; ; {
		end, last := len(name), true
		if i := strings.IndexByte(name[start:], '/'); i >= 0 {
			end, last = start+i, false
		}
		var ok bool
		at.Entry, ok = folder.Find(name[start:end])
		switch {
		case !ok:
			return at, fs.ErrNotExist
		case at.Kind == object.KindLink && (follow || !last):
			return s.walkLinks(name[:start], name[start:], follow)
		case at.Kind == object.KindSubmodule && (follow || !last):
			return at, s.submodule(name[:end], at.ID)
		case last:
			return at, nil
		case at.Kind != object.KindFolder:
			return at, fs.ErrNotExist
		}
		var err error
		if folder, err = s.objects.Tree(at.ID); err != nil {
			return at, fmt.Errorf("read folder %s: %w", name[:end], err)
		}
		start = end + 1
	}
}

// walkLinks goes on from folder, a real path, along rest, whose first name is a link.
func (s *Snapshot) walkLinks(folder, rest string, follow bool) (node, error) {
	w := linkWalk{snapshot: s, follow: follow, at: node{path: path.Clean("./" + folder)}}
	for rest != "" {
		name, after, _ := strings.Cut(rest, "/")
		next, err := w.step(name, after)
		if err != nil {
			return w.at, err
		}
		rest = next
	}
	n, err := s.walk(w.at.path, false)
	n.via = w.at.via
	return n, err
}

// linkWalk follows a path name by name. at.path is real: no link is left in it.
type linkWalk struct {
	snapshot *Snapshot
	follow   bool // also a link at the very end
	at       node
	link     string // the last link that was followed, and where it leads
	target   string
}

// step goes on to name, and returns what is still to be followed: after, or more if name is a link.
func (w *linkWalk) step(name, after string) (string, error) {
	switch name {
	case "", ".":
		return after, nil
	case "..":
		if w.at.path == "." {
			return "", fmt.Errorf("symbolic link %s leads to %q, outside of the repository: "+
				"link to something inside, or copy it there", w.link, w.target)
		}
		w.at.path = path.Dir(w.at.path)
		return after, nil
	}
	here := w.at.path
	next := path.Join(here, name)
	n, err := w.snapshot.walk(next, false)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && after != "" && n.Kind.Class() == object.KindFile:
		w.at.path = next
		if !strings.Contains("/"+after+"/", "/../") {
			w.at.path = path.Join(next, after)
		}
		return "", w.absent()
	case err != nil:
		return "", err
	case after == "" && !w.follow:
	case n.Kind == object.KindSubmodule:
		w.at.path = next
		return "", w.snapshot.submodule(next, n.ID)
	case n.Kind == object.KindLink:
		return w.through(next, n.ID, after)
	}
	w.at.path = next
	return after, nil
}

// through reads the link at the real path link.
func (w *linkWalk) through(link string, id object.Hash, after string) (string, error) {
	w.link = link
	target, err := w.snapshot.blob(id, maxTarget)
	if err != nil {
		return "", fmt.Errorf("read symbolic link %s: %w", link, err)
	}
	w.target = string(target)
	w.at.via = append(w.at.via, link)
	switch {
	case len(w.at.via) > maxLinks:
		return "", fmt.Errorf("symbolic link %s leads to %q and on through more than %d links: it is a loop, remove it", link, target, maxLinks)
	case strings.HasPrefix(w.target, "/"):
		return "", fmt.Errorf("symbolic link %s leads to %q, an absolute path: make it relative, to something inside the repository", link, target)
	case w.target == "" || !utf8.Valid(target) || strings.Contains(w.target, "\x00"):
		return "", fmt.Errorf("symbolic link %s leads to %q, which is not a path", link, target)
	}
	if after == "" {
		return w.target, nil
	}
	return w.target + "/" + after, nil
}

// absent says that nothing is there. The first link is named for people.
func (w *linkWalk) absent() error {
	if w.link == "" {
		return fs.ErrNotExist
	}
	return fmt.Errorf("symbolic link %s leads to %q: %w", w.link, w.target, fs.ErrNotExist)
}
