package git

import (
	"context"

	gogit "github.com/go-git/go-git/v5"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/repository"
	"github.com/drover-dev/drover/hub/model"
)

// At opens the repository at path, on this machine, at a revision: a branch, a tag, a full or
// abbreviated commit id, HEAD, and any of them followed by ~N or ^N (gitrevisions(7)). Changes that are
// not committed are not seen. The snapshot's revision names no branch: none is followed.
func At(ctx context.Context, path, revision string) (model.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := repository.Open(path)
	if err != nil {
		return nil, err
	}
	if revision == "" {
		revision = "HEAD"
	}
	id, err := r.Resolve(revision)
	if err != nil {
		return nil, err
	}
	s, err := r.Snapshot(id, "")
	if err != nil {
		return nil, err
	}
	return s.From(publicAddress(path)), nil
}

// publicAddress is that of the remote origin of a repository on this machine, or of another one if it has none of that
// name; "" if it has none.
func publicAddress(location string) string {
	repo, err := gogit.PlainOpenWithOptions(location, &gogit.PlainOpenOptions{DetectDotGit: true})
	if err != nil {
		return ""
	}
	if origin, err := repo.Remote(gogit.DefaultRemoteName); err == nil && len(origin.Config().URLs) > 0 {
		return origin.Config().URLs[0]
	}
	return append(Addresses(location), "")[1]
}

// Addresses lists the addresses of a repository that are known here: the location by which it was given and, of a
// repository on this machine, those of its remotes. They may hold credentials.
func Addresses(location string) []string {
	out := []string{location}
	at, err := access.Parse(location)
	if err != nil || at.Path == "" {
		return out
	}
	repo, err := gogit.PlainOpenWithOptions(at.Path, &gogit.PlainOpenOptions{DetectDotGit: true})
	if err != nil {
		return out
	}
	remotes, err := repo.Remotes()
	if err != nil {
		return out
	}
	for _, r := range remotes {
		out = append(out, r.Config().URLs...)
	}
	return out
}
