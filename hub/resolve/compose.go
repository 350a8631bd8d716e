package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/drover-dev/drover/hub/memtree"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/record"
)

// maxAlternatives bounds the commas in the {a,b} of a pattern: each of them may double the work.
const maxAlternatives = 20

// composition is a composed source as it was made last. It holds its files itself: it is found again by the ids of
// their content, so that a revision that changes nothing in them renders nothing again.
type composition struct {
	of   string // revisions of all that it was made of
	used *Render
	view model.View
	err  error
	size int // bytes
}

// compose gives a composed source. It is made once for the same revisions of what it is made of, however many
// clusters use it.
func (e *expansion) compose(ctx context.Context, s model.Source) (model.View, error) {
	of := e.snap.Revision().Hash
	known := of != ""
	inputs := make([]model.View, len(s.Copies))
	for i, c := range s.Copies {
		if c.From.Kind == model.SourceFollowed {
			continue
		}
		view, err := e.view(ctx, &c.From)
		if err != nil {
			return nil, err
		}
		inputs[i], of = view, of+" "+view.Revision().Hash
	}
	key := s.Key()
	have := e.r.compositions[key]
	if have == nil || have.of != of || !known {
		have = e.composed(ctx, s, inputs)
		if have.of = of; ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e.r.remember(key, have)
	}
	e.used = append(e.used, have.used)
	return have.view, have.err
}

// maxComposed bounds the bytes of all compositions that are remembered. When there is more, all of it is forgotten,
// which costs time only.
const maxComposed = 4 * memtree.MaxBytes

func (r *Resolver) remember(key string, c *composition) {
	total := c.size
	for _, other := range r.compositions {
		total += other.size
	}
	if total > maxComposed || len(r.compositions) >= maxShown {
		clear(r.compositions)
	}
	if !c.used.Transient {
		r.compositions[key] = c
	}
}

// composed makes the copies of a source out of inputs, of which nil is the repository that is followed.
func (e *expansion) composed(ctx context.Context, s model.Source, inputs []model.View) *composition {
	rec := record.New(e.snap)
	to := staging{files: map[string]memtree.File{}, folders: map[string]bool{".": true}, left: memtree.MaxBytes}
	out := &composition{}
	for i, c := range s.Copies {
		var from model.Tree = inputs[i]
		if c.From.Kind == model.SourceFollowed {
			from = hidden(e.r, rec, &model.Hide{Rules: c.From.Ignore})
		}
		if err := to.copy(ctx, from, c); err != nil {
			out.err = fmt.Errorf("%s: copy %s: %w", s.URL, c, err)
			break
		}
	}
	out.size = memtree.MaxBytes - to.left
	out.used = &Render{Deps: rec.Deps(), Transient: rec.Failed()}
	if out.err == nil {
		out.view, out.err = memtree.New(to.files, model.Revision{Hash: to.hash(), Time: e.snap.Revision().Time})
	}
	return out
}

// onlyFolder is the view of the one folder at the root of a source.
func onlyFolder(view model.View, s model.Source) (model.View, error) {
	entries, err := view.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("%s: a chart is to be in the only folder at the root of the artifact, and there are %d: let the copies lead to @artifact/NAME/", s.URL, len(names))
	}
	return memtree.Below(view, names[0])
}

// staging is where files are copied to.
type staging struct {
	files   map[string]memtree.File
	folders map[string]bool
	left    int // bytes
}

// hash follows from the paths and the content of all files.
func (t *staging) hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		f := t.files[name]
		fmt.Fprintf(h, "%s\x00%t %x\n", name, f.Program, sha256.Sum256(f.Data))
	}
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// add puts a file in place of one that is there.
func (t *staging) add(name string, f memtree.File) error {
	t.left -= len(f.Data) - len(t.files[name].Data)
	if t.folders[name] {
		return fmt.Errorf("%s is a folder already", name)
	}
	t.files[name] = f
	if t.left < 0 || len(t.files) > memtree.MaxFiles {
		return fmt.Errorf("it comes to more than %d MiB or %d files: copy less", memtree.MaxBytes>>20, memtree.MaxFiles)
	}
	for dir := path.Dir(name); !t.folders[dir]; dir = path.Dir(dir) {
		t.folders[dir] = true
	}
	return nil
}

// there says whether there is a file or a folder at a path.
func (t *staging) there(name string) bool {
	_, ok := t.files[name]
	return ok || t.folders[name]
}

// copying is one copy that is being made.
type copying struct {
	*staging
	model.Copy
	from model.Tree
	base string // the part of Path before the first pattern: excludes are tried seen from there as well
}

// copy does as `cp -r` does, by the rules of fluxcd/source-watcher (internal/builder, applyCopyOperation).
func (t *staging) copy(ctx context.Context, from model.Tree, c model.Copy) error {
	to, err := inArtifact(c.To)
	if err != nil {
		return err
	}
	for _, pattern := range append([]string{c.Path}, c.Exclude...) {
		if strings.Count(pattern, ",") > maxAlternatives || !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("the pattern %q is none, or has more than %d alternatives", pattern, maxAlternatives)
		}
	}
	step := copying{t, c, from, "."}
	if strings.ContainsAny(c.Path, "*?[]") && c.Strategy != model.CopyInclude {
		return step.matches(ctx, to)
	}
	name := path.Clean(c.Path)
	info, err := from.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Optional:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %q", c.Path)
	case err != nil:
		return err
	case c.Strategy == model.CopyInclude && to != "." && t.there(to):
		return fmt.Errorf("there is a %q already, which an include does not replace: choose another toPath", c.To)
	case c.Strategy == model.CopyInclude:
		return step.put(ctx, name, to)
	case info.IsDir() && c.Strategy == model.CopyExtract:
		return fmt.Errorf("%q is a folder, from which nothing can be extracted", c.Path)
	case info.IsDir():
		step.base = name
		return step.put(ctx, name, path.Join(to, path.Base(name)))
	case step.excluded(name):
		return nil
	case c.Strategy == model.CopyExtract:
		return step.extract(ctx, name, to)
	case strings.HasSuffix(c.To, "/") || t.folders[to]:
		to = path.Join(to, path.Base(name))
	}
	return step.put(ctx, name, to)
}

// inArtifact is a destination as a path.
func inArtifact(to string) (string, error) {
	name := path.Clean(to)
	if !fs.ValidPath(name) || slices.Contains(strings.Split(to, "/"), "..") {
		return "", fmt.Errorf("%q leads out of the artifact", to)
	}
	return name, nil
}

// matches copies what a pattern finds. dir/** takes the prefix away; every other pattern keeps the whole path. But
// for archives ** is one step, as in path.Match: that folders are copied with all that is in them makes it recursive.
func (c *copying) matches(ctx context.Context, to string) error {
	find := fs.Glob
	if c.Strategy == model.CopyExtract {
		find = func(tree fs.FS, pattern string) ([]string, error) { return doublestar.Glob(tree, pattern) }
	}
	found, err := find(c.from, c.Path)
	if err != nil {
		return err
	}
	steps := strings.Split(path.Clean(c.Path), "/")
	at := slices.IndexFunc(steps, func(step string) bool { return strings.ContainsAny(step, "*?[]") })
	c.base = path.Join(append([]string{"."}, steps[:max(at, 0)]...)...)
	found = slices.DeleteFunc(found, func(name string) bool { return name == "." || c.excluded(name) })
	if len(found) == 0 && !c.Optional {
		return fmt.Errorf("nothing matches %q that is not excluded", c.Path)
	}
	prefix, recursive := strings.CutSuffix(c.Path, "/**")
	for _, name := range found {
		switch rest, ok := strings.CutPrefix(name, prefix+"/"); {
		case c.Strategy == model.CopyExtract && !isArchive(name):
		case c.Strategy == model.CopyExtract:
			err = c.extract(ctx, name, to)
		case recursive && ok:
			err = c.put(ctx, name, path.Join(to, rest))
		default:
			err = c.put(ctx, name, path.Join(to, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// excluded says whether a path is, seen from the root of the source or from base. A pattern without a slash is one of
// names.
func (c *copying) excluded(name string) bool {
	seen := []string{name}
	if rest, ok := strings.CutPrefix(name, c.base+"/"); ok {
		seen = append(seen, rest)
	}
	for _, pattern := range c.Exclude {
		if slices.ContainsFunc(seen, func(name string) bool { return doublestar.MatchUnvalidated(pattern, name) }) ||
			!strings.Contains(pattern, "/") && doublestar.MatchUnvalidated(pattern, path.Base(name)) {
			return true
		}
	}
	return false
}

// put copies a file, or a folder with all that is in it but symbolic links, which no artifact has.
func (c *copying) put(ctx context.Context, name, to string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	info, err := c.from.Stat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return c.file(name, to, info.Mode()&0o111 != 0)
	}
	entries, err := c.from.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		inner := path.Join(name, e.Name())
		if e.Type()&fs.ModeSymlink != 0 || c.excluded(inner) {
			continue
		}
		if err := c.put(ctx, inner, path.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// file copies a file, or lays it over the one that is there.
func (c *copying) file(name, to string, program bool) error {
	data, err := c.from.ReadFile(name)
	if err != nil {
		return err
	}
	if there, ok := c.files[to]; ok && c.Strategy == model.CopyMerge {
		if data, err = mergeYAML(there.Data, data); err != nil {
			return fmt.Errorf("merge %s into %s: %w", name, to, err)
		}
		program = false
	}
	return c.add(to, memtree.File{Data: data, Program: program})
}

// extract copies the files of an archive.
func (c *copying) extract(ctx context.Context, name, to string) error {
	if !isArchive(name) {
		return fmt.Errorf("%q is no archive: name a .tar.gz or a .tgz", name)
	}
	data, err := c.from.ReadFile(name)
	if err != nil {
		return err
	}
	inside, err := memtree.Unpack(data, 0, model.Revision{}, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	whole := copying{c.staging, model.Copy{}, inside, "."}
	return whole.put(ctx, ".", to)
}

func isArchive(name string) bool {
	return strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}
