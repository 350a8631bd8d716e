package sourceignore

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/drover-dev/drover/hub/model"
)

var alwaysRules, defaultRules = rulesIn(strings.Join(alwaysIgnored, "\n"), nil), rulesIn(strings.Join(defaultIgnored, "\n"), nil)

// Hide shows of the repository that the hub follows what Flux' source-controller would pack of it, but that symbolic
// links are followed. Unlike Ignore it reads no more than the .sourceignore files on the way to what is asked for, so
// that who asks for little depends on little. Flux' own rules count where neither h nor the .sourceignore at the root
// has any.
func Hide(tree model.Tree, h model.Hide) model.Tree {
	if !h.Submodules {
		tree = hollowTree{tree}
	}
	return &hiding{Tree: tree, last: rulesIn(h.Rules, nil), rules: map[string]ruleFile{}}
}

// hiding is a tree of which some paths are not seen.
type hiding struct {
	model.Tree
	last []rule

	mu    sync.Mutex
	rules map[string]ruleFile // by folder
}

// rule is a line of a file with rules.
type rule struct {
	gitignore.Pattern
	shows bool // it begins with !
}

type ruleFile struct {
	rules []rule
	err   error
}

// rulesIn reads rules for the folder that domain leads to.
func rulesIn(text string, domain []string) (out []rule) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			out = append(out, rule{gitignore.ParsePattern(line, domain), strings.HasPrefix(line, "!")})
		}
	}
	return out
}

// rulesOf reads the .sourceignore of a folder, once.
func (h *hiding) rulesOf(dir string) ([]rule, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if have, ok := h.rules[dir]; ok {
		return have.rules, have.err
	}
	var out ruleFile
	var domain []string
	if dir != "." {
		domain = strings.Split(dir, "/")
	}
	file := path.Join(dir, sourceIgnore)
	switch data, err := h.Tree.ReadFile(file); {
	case err == nil && len(data) > maxRules:
		out.err = fmt.Errorf("%s is larger than 1 MiB", file)
	case err == nil:
		out.rules = rulesIn(string(data), domain)
	case !errors.Is(err, fs.ErrNotExist):
		out.err = err
	}
	h.rules[dir] = out
	return out.rules, out.err
}

// rulesFor are the rules for what is in a folder, in the order in which a later one takes precedence.
func (h *hiding) rulesFor(dir string) ([]rule, error) {
	rules, err := h.rulesOf(".")
	if err != nil {
		return nil, err
	}
	out := slices.Concat(alwaysRules, rules)
	if len(rules)+len(h.last) == 0 {
		out = slices.Concat(alwaysRules, defaultRules)
	}
	for i, c := range dir + "/" {
		if c != '/' || dir == "." {
			continue
		}
		more, err := h.rulesOf(dir[:i])
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return append(out, h.last...), nil
}

// sees says whether a path is seen: a folder is if anything in it is.
func (h *hiding) sees(name string, folder bool) (bool, error) {
	rules, err := h.rulesFor(path.Dir(name))
	if err != nil || name == "." {
		return err == nil, err
	}
	steps := strings.Split(name, "/")
	hides, shows := false, false
	for _, r := range rules {
		if match := r.Match(steps, folder); match != gitignore.NoMatch {
			hides = match == gitignore.Exclude
		}
		shows = shows || r.shows
	}
	if !hides || !folder || !shows { // no rule shows what is in a folder that is hidden
		return !hides, nil
	}
	entries, err := h.Tree.ReadDir(name)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if seen, err := h.sees(path.Join(name, e.Name()), e.IsDir()); seen || err != nil {
			return seen, err
		}
	}
	return false, nil
}

// hidden is an error if a path is not seen.
func (h *hiding) hidden(op, name string) error {
	if !fs.ValidPath(name) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	info, err := h.Tree.Stat(name)
	if err != nil {
		return err
	}
	seen, err := h.sees(name, info.IsDir())
	if err == nil && !seen {
		err = &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return err
}

// Stat implements fs.StatFS.
func (h *hiding) Stat(name string) (fs.FileInfo, error) {
	if err := h.hidden("stat", name); err != nil {
		return nil, err
	}
	return h.Tree.Stat(name)
}

// ReadFile implements fs.ReadFileFS.
func (h *hiding) ReadFile(name string) ([]byte, error) {
	if err := h.hidden("read", name); err != nil {
		return nil, err
	}
	return h.Tree.ReadFile(name)
}

// ReadDir implements fs.ReadDirFS.
func (h *hiding) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := h.hidden("readdir", name); err != nil {
		return nil, err
	}
	entries, err := h.Tree.ReadDir(name)
	if err != nil {
		return nil, err
	}
	var out []fs.DirEntry
	for _, e := range entries {
		seen, err := h.sees(path.Join(name, e.Name()), e.IsDir())
		if err != nil {
			return nil, err
		}
		if seen {
			out = append(out, e)
		}
	}
	return out, nil
}

// Open implements fs.FS. A folder lists what is seen of it.
func (h *hiding) Open(name string) (fs.File, error) {
	if err := h.hidden("open", name); err != nil {
		return nil, err
	}
	f, err := h.Tree.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.IsDir() {
		return f, err
	}
	entries, err := h.ReadDir(name)
	return &listing{f, entries}, err
}
