package git

import (
	"context"

	"github.com/drover-dev/drover/hub"
)

// At opens the repository at path, on this machine, at a revision: a branch, a tag, a full or
// abbreviated commit id, HEAD, and any of them followed by ~N or ^N (gitrevisions(7)). Changes that are
// not committed are not seen. The branch of the snapshot's revision is what was asked for.
func At(ctx context.Context, path, revision string) (hub.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, err := openRepository(path)
	if err != nil {
		return nil, err
	}
	if revision == "" {
		revision = "HEAD"
	}
	id, err := r.resolve(revision)
	if err != nil {
		return nil, err
	}
	return r.snapshot(id, revision)
}
