package bench

import (
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/test/testenv"
)

// repository is a fleet's Git repository.
type repository struct{ git *testenv.GitRepo }

// newRepository makes one with the files of t in its first commit, packed as a server that people push to would have it.
func newRepository(dir string, t tree) (*repository, error) {
	git, err := testenv.NewGitRepo(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		git.Write(name, t[name])
	}
	if _, err := git.Commit("the fleet"); err != nil {
		return nil, err
	}
	_, err = git.Git("repack", "-a", "-d", "--quiet")
	return &repository{git}, err
}

// prepare makes a commit with these files changed, to which no branch leads yet.
func (r *repository) prepare(message string, files tree) (string, error) {
	for name, text := range files {
		r.git.Write(name, text)
		if _, err := r.git.Git("add", name); err != nil {
			return "", err
		}
	}
	id, err := r.git.Git("write-tree")
	if err != nil {
		return "", err
	}
	return r.git.Git("commit-tree", id, "-p", "HEAD", "-m", message)
}

// move moves the branch to a commit.
func (r *repository) move(commit string) error {
	if _, err := r.git.Git("update-ref", "refs/heads/main", commit); err != nil {
		return fmt.Errorf("move the branch: %w", err)
	}
	return nil
}
