package git

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/drover-dev/drover/hub/model"
)

const (
	tagPrefix = "refs/tags/"
	// pinnedRef is what a mirror calls the one commit that is wanted of it.
	pinnedRef = "refs/drover/commit"
)

// Remote fetches a repository on another machine whenever it is asked to (fetch.Remote).
type Remote struct{ *remote }

// NewRemote prepares to fetch. It asks nobody yet: an error says that the options cannot work. PollInterval means
// nothing to it.
func NewRemote(opts Options) (Remote, error) {
	at, err := parseLocation(opts.URL)
	if err != nil {
		return Remote{}, err
	}
	opts.Branch = strings.TrimPrefix(opts.Branch, branchPrefix)
	switch {
	case at.path != "":
		return Remote{}, fmt.Errorf("repository %s is on the hub's own machine: a source is to be an https or ssh URL", at.path)
	case at.password != "" || at.scheme != "ssh" && at.user != "":
		return Remote{}, fmt.Errorf("repository %s: its address contains a user: give credentials by reference, `drover hub --help` says how", at.url)
	case opts.Branch != "" && !validRef(branchPrefix+opts.Branch):
		return Remote{}, fmt.Errorf("repository %s: %q cannot be the name of a branch: correct it", at.url, opts.Branch)
	}
	if err := opts.Wanted.check(); err != nil {
		return Remote{}, fmt.Errorf("repository %s: %w", at.url, err)
	}
	r, err := newRemote(at, opts)
	return Remote{r}, err
}

// Fetch implements fetch.Remote.
func (r Remote) Fetch(ctx context.Context) (model.View, error) {
	h, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	return r.open(h)
}

// Kept implements fetch.Remote.
func (r Remote) Kept() model.View {
	h, ok := r.known()
	if !ok {
		return nil
	}
	view, err := r.open(h)
	if err != nil {
		return nil
	}
	return view
}

// Close implements fetch.Remote.
func (r Remote) Close() error { return r.close() }

func (w Wanted) check() error {
	if w.Commit != "" && (len(w.Commit) != 2*hashSize || !isHex(w.Commit)) {
		return fmt.Errorf("%.100q is no full commit id: write all %d digits", w.Commit, 2*hashSize)
	}
	if w.SemVer != "" {
		if _, err := semver.NewConstraint(w.SemVer); err != nil {
			return fmt.Errorf("%.100q is no range of versions: write one such as >=1.2.0 <2: %w", w.SemVer, err)
		}
	}
	name := w.Ref
	if name != "" && !strings.HasPrefix(name, "refs/") {
		name = tagPrefix + name
	}
	if name != "" && !validRef(name) {
		return fmt.Errorf("%.100q cannot be the name of a tag or another ref: correct it", w.Ref)
	}
	return nil
}

// choose finds what is wanted in what a server lists.
func (w Wanted) choose(list []*plumbing.Reference) (head, error) {
	refs := map[string]hash{}
	for _, ref := range list {
		if name := ref.Name().String(); ref.Type() == plumbing.HashReference && validRef(name) {
			refs[name] = ref.Hash()
		}
	}
	if w.SemVer != "" {
		return w.highest(refs)
	}
	names := []string{w.Ref}
	if !strings.HasPrefix(w.Ref, "refs/") {
		names = []string{tagPrefix + w.Ref, branchPrefix + w.Ref}
	}
	for _, name := range names {
		if id, ok := refs[name]; ok {
			return head{id, strings.TrimPrefix(name, branchPrefix)}, nil
		}
	}
	return head{}, &advisedError{fmt.Sprintf("it has no tag, branch or other ref %s", w.Ref), "push it, or correct the name"}
}

// highest is the tag with the highest version in the range. Of two that say the same, such as 1.0.0 and v1.0.0, the
// first by name is taken.
func (w Wanted) highest(refs map[string]hash) (head, error) {
	in, err := semver.NewConstraint(w.SemVer)
	if err != nil {
		return head{}, err
	}
	var best *semver.Version
	var at string
	for name := range refs {
		tag, is := strings.CutPrefix(name, tagPrefix)
		v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
		if !is || err != nil || !in.Check(v) {
			continue
		}
		if best == nil || v.GreaterThan(best) || v.Equal(best) && name < at {
			best, at = v, name
		}
	}
	if best == nil {
		return head{}, &advisedError{fmt.Sprintf("none of its tags is a version in the range %s", w.SemVer), "push one, or correct the range"}
	}
	return head{refs[at], at}, nil
}

// pinned is the commit that is wanted, if it is one; the zero value if it is not.
func (t *transfer) pinned() (head, error) {
	if t.wanted.Commit == "" {
		return head{}, nil
	}
	id, err := parseHash(strings.ToLower(t.wanted.Commit))
	return head{id, pinnedRef}, err
}

// fetchCommit fetches one commit: alone if the server gives it so, else with what it is most likely in.
func (t *transfer) fetchCommit(ctx context.Context, l *login, repo *gogit.Repository, id hash) error {
	err := errors.New("it is looked for in the branch")
	if t.branch == "" {
		err = t.fetchRefs(ctx, l, repo, config.RefSpec(id.String()+":"+pinnedRef))
	}
	if err != nil && ctx.Err() == nil {
		specs := []config.RefSpec{spec(branchPrefix + "*"), spec(tagPrefix + "*")}
		if t.branch != "" {
			specs = []config.RefSpec{spec(branchPrefix + t.branch)}
		}
		err = t.fetchRefs(ctx, l, repo, specs...)
	}
	if err != nil {
		return err
	}
	if _, err := repo.CommitObject(id); err != nil {
		return &advisedError{"it has no commit " + id.String(), "push it to a branch or a tag, or correct the id"}
	}
	return repo.Storer.SetReference(plumbing.NewHashReference(pinnedRef, id))
}
