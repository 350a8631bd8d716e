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

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/git/repository"
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
	at, err := access.Parse(opts.URL)
	if err != nil {
		return Remote{}, err
	}
	opts.Branch = strings.TrimPrefix(opts.Branch, repository.BranchPrefix)
	switch {
	case at.Path != "":
		return Remote{}, fmt.Errorf("repository %s is on the hub's own machine: a source is to be an https or ssh URL", at.Path)
	case at.Password != "" || at.Scheme != "ssh" && at.User != "":
		return Remote{}, fmt.Errorf("repository %s: its address contains a user: give credentials by reference, `drover hub --help` says how", at.URL)
	case opts.Branch != "" && !repository.ValidRef(repository.BranchPrefix+opts.Branch):
		return Remote{}, fmt.Errorf("repository %s: %q cannot be the name of a branch: correct it", at.URL, opts.Branch)
	}
	if err := opts.Wanted.check(); err != nil {
		return Remote{}, fmt.Errorf("repository %s: %w", at.URL, err)
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
	if w.Commit != "" && (len(w.Commit) != 2*object.HashSize || !object.IsHex(w.Commit)) {
		return fmt.Errorf("%.100q is no full commit id: write all %d digits", w.Commit, 2*object.HashSize)
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
	if name != "" && !repository.ValidRef(name) {
		return fmt.Errorf("%.100q cannot be the name of a tag or another ref: correct it", w.Ref)
	}
	return nil
}

// choose finds what is wanted in what a server lists.
func (w Wanted) choose(list []*plumbing.Reference) (repository.Head, error) {
	refs := map[string]object.Hash{}
	for _, ref := range list {
		if name := ref.Name().String(); ref.Type() == plumbing.HashReference && repository.ValidRef(name) {
			refs[name] = ref.Hash()
		}
	}
	if w.SemVer != "" {
		return w.highest(refs)
	}
	names := []string{w.Ref}
	if !strings.HasPrefix(w.Ref, "refs/") {
		names = []string{tagPrefix + w.Ref, repository.BranchPrefix + w.Ref}
	}
	for _, name := range names {
		if id, ok := refs[name]; ok {
			return repository.Head{ID: id, Branch: strings.TrimPrefix(name, repository.BranchPrefix)}, nil
		}
	}
	return repository.Head{}, access.Advise(fmt.Sprintf("it has no tag, branch or other ref %s", w.Ref), "push it, or correct the name")
}

// highest is the tag with the highest version in the range. Of two that say the same, such as 1.0.0 and v1.0.0, the
// first by name is taken.
func (w Wanted) highest(refs map[string]object.Hash) (repository.Head, error) {
	in, err := semver.NewConstraint(w.SemVer)
	if err != nil {
		return repository.Head{}, err
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
		return repository.Head{}, access.Advise(fmt.Sprintf("none of its tags is a version in the range %s", w.SemVer), "push one, or correct the range")
	}
	return repository.Head{ID: refs[at], Branch: at}, nil
}

// pinned is the commit that is wanted, if it is one; the zero value if it is not.
func (t *transfer) pinned() (repository.Head, error) {
	if t.wanted.Commit == "" {
		return repository.Head{}, nil
	}
	id, err := object.ParseHash(strings.ToLower(t.wanted.Commit))
	return repository.Head{ID: id, Branch: pinnedRef}, err
}

// fetchCommit fetches one commit: alone if the server gives it so, else with what it is most likely in.
func (t *transfer) fetchCommit(ctx context.Context, l *access.Login, repo *gogit.Repository, id object.Hash) error {
	err := errors.New("it is looked for in the branch")
	if t.branch == "" {
		err = t.fetchRefs(ctx, l, repo, config.RefSpec(id.String()+":"+pinnedRef))
	}
	if err != nil && ctx.Err() == nil {
		specs := []config.RefSpec{spec(repository.BranchPrefix + "*"), spec(tagPrefix + "*")}
		if t.branch != "" {
			specs = []config.RefSpec{spec(repository.BranchPrefix + t.branch)}
		}
		err = t.fetchRefs(ctx, l, repo, specs...)
	}
	if err != nil {
		return err
	}
	if _, err := repo.CommitObject(id); err != nil {
		return access.Advise("it has no commit "+id.String(), "push it to a branch or a tag, or correct the id")
	}
	return repo.Storer.SetReference(plumbing.NewHashReference(pinnedRef, id))
}
