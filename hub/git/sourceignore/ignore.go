package sourceignore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/drover-dev/drover/hub/model"
)

const (
	sourceIgnore = ".sourceignore"
	maxRules     = 1 << 20 // bytes of one file with rules
	maxSeen      = 500_000 // files and folders of a tree that is filtered
)

// What Flux leaves out of every source, and what beside it where nobody says anything else (fluxcd/pkg/sourceignore).
var (
	alwaysIgnored  = []string{".git/", ".gitignore", ".gitmodules", ".gitattributes"}
	defaultIgnored = []string{
		"*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip",
		".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml",
		"**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml",
	}
)

// Filter shows of a view what Flux' source-controller would pack of it: no symbolic links, and nothing that the
// .sourceignore files in it or the source's own rules leave out.
func Filter(view model.View, s model.Source) (model.View, error) {
	if !s.Submodules {
		view = hollow{view}
	}
	f := &filter{view: view, files: map[string]bool{}}
	if err := f.collect("."); err != nil {
		return nil, fmt.Errorf("%s: leave out what its rules say: %w", s, err)
	}
	for line := range strings.Lines(s.Ignore) {
		f.rule(line, nil)
	}
	rules := defaultIgnored
	if len(f.rules) > 0 {
		rules = nil
	}
	var first []gitignore.Pattern
	for _, r := range slices.Concat(alwaysIgnored, rules) {
		first = append(first, gitignore.ParsePattern(r, nil))
	}
	matcher := gitignore.NewMatcher(append(first, f.rules...))
	seen := map[string]bool{".": true}
	for name, folder := range f.files {
		if matcher.Match(strings.Split(name, "/"), folder) {
			continue
		}
		for ; !seen[name]; name = path.Dir(name) {
			seen[name] = true
		}
	}
	return &ignoring{view, seen}, nil
}

// filter gathers what is in a tree.
type filter struct {
	view  model.View
	rules []gitignore.Pattern
	files map[string]bool // path → whether it is a folder
}

// collect takes a folder and all below it. The rules of a folder come before those of folders in it, so that the latter
// count.
func (f *filter) collect(dir string) error {
	var domain []string
	if dir != "." {
		domain = strings.Split(dir, "/")
	}
	data, err := f.view.ReadFile(path.Join(dir, sourceIgnore))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case len(data) > maxRules:
		return fmt.Errorf("%s is larger than 1 MiB", path.Join(dir, sourceIgnore))
	}
	for line := range strings.Lines(string(data)) {
		f.rule(line, domain)
	}
	entries, err := f.view.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.Type()&fs.ModeSymlink != 0 {
			continue
		}
		if f.files[name] = e.IsDir(); len(f.files) > maxSeen {
			return fmt.Errorf("it has more than %d files", maxSeen)
		}
		if !e.IsDir() {
			continue
		}
		if _, err := f.view.Stat(name); err != nil {
			continue // a submodule, whose files are not here
		}
		if err := f.collect(name); err != nil {
			return err
		}
	}
	return nil
}

func (f *filter) rule(line string, domain []string) {
	if line = strings.TrimRight(line, "\r\n"); !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
		f.rules = append(f.rules, gitignore.ParsePattern(line, domain))
	}
}

// ignoring is a view of which some paths are not seen.
type ignoring struct {
	model.View
	seen map[string]bool
}

func (v *ignoring) hidden(op, name string) error {
	if v.seen[name] {
		return nil
	}
	err := fs.ErrNotExist
	if !fs.ValidPath(name) {
		err = fs.ErrInvalid
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// Lookup implements model.View.
func (v *ignoring) Lookup(name string) (model.Entry, error) {
	if err := v.hidden("lookup", name); err != nil {
		return model.Entry{Path: name}, err
	}
	return v.View.Lookup(name)
}

// Stat implements fs.StatFS.
func (v *ignoring) Stat(name string) (fs.FileInfo, error) {
	if err := v.hidden("stat", name); err != nil {
		return nil, err
	}
	return v.View.Stat(name)
}

// ReadFile implements fs.ReadFileFS.
func (v *ignoring) ReadFile(name string) ([]byte, error) {
	if err := v.hidden("read", name); err != nil {
		return nil, err
	}
	return v.View.ReadFile(name)
}

// ReadDir implements fs.ReadDirFS.
func (v *ignoring) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := v.hidden("readdir", name); err != nil {
		return nil, err
	}
	entries, err := v.View.ReadDir(name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !v.seen[path.Join(name, e.Name())] }), err
}

// Open implements fs.FS. A folder lists what is seen of it.
func (v *ignoring) Open(name string) (fs.File, error) {
	if err := v.hidden("open", name); err != nil {
		return nil, err
	}
	f, err := v.View.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return f, err
	}
	entries, err := v.ReadDir(name)
	return &listing{f, entries}, err
}

// listing is an open folder of which some entries are not seen.
type listing struct {
	fs.File
	entries []fs.DirEntry
}

// ReadDir implements fs.ReadDirFile.
func (l *listing) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(l.entries) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(l.entries) {
		n = len(l.entries)
	}
	next := l.entries[:n:n]
	l.entries = l.entries[n:]
	return next, nil
}
