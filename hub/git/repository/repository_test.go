package repository

import "github.com/drover-dev/drover/hub/git/gittest"

// at opens the repository at a revision.
func at(r *gittest.Repo, revision string) *Snapshot {
	r.Helper()
	repo, err := Open(r.Dir)
	if err != nil {
		r.Fatal(err)
	}
	id, err := repo.Resolve(revision)
	if err != nil {
		r.Fatal(err)
	}
	s, err := repo.Snapshot(id, "")
	if err != nil {
		r.Fatal(err)
	}
	return s
}
