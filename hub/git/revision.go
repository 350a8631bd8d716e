package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// refRules are where a short name is looked for, in this order (gitrevisions(7)).
var refRules = []string{"%s", "refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s", "refs/remotes/%s/HEAD"}

// resolve finds the commit that a revision names.
func (r *repository) resolve(revision string) (hash, error) {
	base, steps := revision, ""
	if i := strings.IndexAny(revision, "~^"); i >= 0 {
		base, steps = revision[:i], revision[i:]
	}
	id, err := r.named(base)
	if err == nil && steps == "" { // a tag becomes the commit that it points to
		_, id, err = r.peel(id)
	}
	for err == nil && steps != "" {
		id, steps, err = r.step(id, steps)
	}
	var missing *missingError
	if errors.As(err, &missing) && isHex(base) {
		err = fmt.Errorf("there is no commit %s: run git fetch if it is new, or correct it (%w)", missing.id, err)
	}
	if err != nil {
		return id, fmt.Errorf("find revision %s of %s: %w", revision, r.path, err)
	}
	return id, nil
}

// named finds what a revision without steps names.
func (r *repository) named(base string) (hash, error) {
	if base == "" || base == "@" {
		base = "HEAD"
	}
	if len(base) == 2*hashSize && isHex(base) {
		return parseHash(base)
	}
	for _, rule := range refRules {
		name := fmt.Sprintf(rule, base)
		if !validRef(name) {
			continue
		}
		id, _, err := r.ref(name)
		if !errors.Is(err, errNoRef) {
			return id, err
		}
	}
	const shortest = 4 // digits, as git has it
	if isHex(base) && len(base) >= shortest && len(base) < 2*hashSize {
		return r.abbreviated(strings.ToLower(base))
	}
	there := r.branches()
	if len(there) == 0 {
		return hash{}, errors.New("the repository is empty: commit something first")
	}
	return hash{}, fmt.Errorf("there is no branch, tag or commit %s: choose a branch (%s), a tag or a commit id", base, some(there))
}

// abbreviated finds the one commit whose id starts with prefix.
func (r *repository) abbreviated(prefix string) (hash, error) {
	found, err := r.objects().withPrefix(prefix)
	if err != nil {
		return hash{}, err
	}
	var commits []hash
	for _, h := range found {
		if _, id, err := r.peel(h); err == nil && !slices.Contains(commits, id) {
			commits = append(commits, id)
		}
	}
	switch len(commits) {
	case 0:
		return hash{}, fmt.Errorf("there is no branch, tag or commit %s: run git fetch if it is new, or correct it", prefix)
	case 1:
		return commits[0], nil
	}
	names := make([]string, len(commits))
	for i, h := range commits {
		names[i] = h.String()
	}
	return hash{}, fmt.Errorf("%s is short for several commits: write more digits of one of %s", prefix, some(names))
}

// withPrefix lists the objects whose id starts with prefix, at least two digits, sorted.
func (s *store) withPrefix(prefix string) ([]hash, error) {
	now, err := s.list()
	if err != nil {
		return nil, err
	}
	found := map[hash]bool{}
	for _, p := range now.packs {
		p.index.withPrefix(prefix, unhex(prefix[0])<<4|unhex(prefix[1]), found)
	}
	for _, dir := range now.dirs {
		files, _ := os.ReadDir(filepath.Join(dir, prefix[:2]))
		for _, f := range files {
			if h, err := parseHash(prefix[:2] + f.Name()); err == nil && strings.HasPrefix(h.String(), prefix) {
				found[h] = true
			}
		}
	}
	list := make([]hash, 0, len(found))
	for h := range found {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b hash) int { return strings.Compare(a.String(), b.String()) })
	return list, nil
}

// step takes one of the steps ~, ~N, ^, ^N, ^0, ^{commit} from a commit, and returns those that remain.
func (r *repository) step(id hash, steps string) (hash, string, error) {
	kind, rest := steps[0], steps[1:]
	if after, ok := strings.CutPrefix(rest, "{commit}"); ok && kind == '^' {
		_, id, err := r.peel(id)
		return id, after, err
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	n, err := 1, error(nil)
	if digits > 0 {
		n, err = strconv.Atoi(rest[:digits])
	}
	if rest = rest[digits:]; err != nil || kind != '~' && kind != '^' || rest != "" && rest[0] != '~' && rest[0] != '^' {
		return id, "", fmt.Errorf("%s is not understood: write ~N or ^N", steps)
	}
	parent, times := n-1, 1
	if kind == '~' {
		parent, times = 0, n
	}
	c, id, err := r.peel(id)
	for range times {
		if err != nil || parent < 0 { // ^0 is the commit itself
			return id, rest, err
		}
		if parent >= len(c.parents) {
			return id, "", fmt.Errorf("commit %s has %d parents: go back less far", id, len(c.parents))
		}
		c, id, err = r.peel(c.parents[parent])
	}
	return id, rest, err
}

// peel returns the commit that an id is of, or that the tag with that id points to.
func (r *repository) peel(id hash) (*commit, hash, error) {
	return readCommit(r.objects(), id)
}
