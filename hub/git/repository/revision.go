package repository

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/hub/git/object"
)

// refRules are where a short name is looked for, in this order (gitrevisions(7)).
var refRules = []string{"%s", "refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s", "refs/remotes/%s/HEAD"}

// Resolve finds the commit that a revision names.
func (r *Repository) Resolve(revision string) (object.Hash, error) {
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
	var missing *object.MissingError
	if errors.As(err, &missing) && object.IsHex(base) {
		err = fmt.Errorf("there is no commit %s: run git fetch if it is new, or correct it (%w)", missing.ID, err)
	}
	if err != nil {
		return id, fmt.Errorf("find revision %s of %s: %w", revision, r.path, err)
	}
	return id, nil
}

// named finds what a revision without steps names.
func (r *Repository) named(base string) (object.Hash, error) {
	if base == "" || base == "@" {
		base = "HEAD"
	}
	if len(base) == 2*object.HashSize && object.IsHex(base) {
		return object.ParseHash(base)
	}
	for _, rule := range refRules {
		name := fmt.Sprintf(rule, base)
		if !ValidRef(name) {
			continue
		}
		id, _, err := r.ref(name)
		if !errors.Is(err, errNoRef) {
			return id, err
		}
	}
	const shortest = 4 // digits, as git has it
	if object.IsHex(base) && len(base) >= shortest && len(base) < 2*object.HashSize {
		return r.abbreviated(strings.ToLower(base))
	}
	there := r.branches()
	if len(there) == 0 {
		return object.Hash{}, errors.New("the repository is empty: commit something first")
	}
	return object.Hash{}, fmt.Errorf("there is no branch, tag or commit %s: choose a branch (%s), a tag or a commit id", base, Few(there))
}

// abbreviated finds the one commit whose id starts with prefix.
func (r *Repository) abbreviated(prefix string) (object.Hash, error) {
	found, err := r.objects().WithPrefix(prefix)
	if err != nil {
		return object.Hash{}, err
	}
	var commits []object.Hash
	for _, h := range found {
		if _, id, err := r.peel(h); err == nil && !slices.Contains(commits, id) {
			commits = append(commits, id)
		}
	}
	switch len(commits) {
	case 0:
		return object.Hash{}, fmt.Errorf("there is no branch, tag or commit %s: run git fetch if it is new, or correct it", prefix)
	case 1:
		return commits[0], nil
	}
	names := make([]string, len(commits))
	for i, h := range commits {
		names[i] = h.String()
	}
	return object.Hash{}, fmt.Errorf("%s is short for several commits: write more digits of one of %s", prefix, Few(names))
}

// step takes one of the steps ~, ~N, ^, ^N, ^0, ^{commit} from a commit, and returns those that remain.
func (r *Repository) step(id object.Hash, steps string) (object.Hash, string, error) {
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
		if parent >= len(c.Parents) {
			return id, "", fmt.Errorf("commit %s has %d parents: go back less far", id, len(c.Parents))
		}
		c, id, err = r.peel(c.Parents[parent])
	}
	return id, rest, err
}

// peel returns the commit that an id is of, or that the tag with that id points to.
func (r *Repository) peel(id object.Hash) (*object.Commit, object.Hash, error) {
	return object.ReadCommit(r.objects(), id)
}
