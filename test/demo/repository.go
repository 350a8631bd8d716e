package demo

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/drover-dev/drover/test/demo/screen"
	"github.com/drover-dev/drover/test/testenv"
)

// firstTree is what the repository holds at first, as a txtar archive.
//
//go:embed fleet.txtar
var firstTree string

// repository is the fleet's Git repository. What is done to it is shown.
type repository struct {
	git    *testenv.GitRepo
	screen *screen.Screen
}

// newRepository makes the repository in dir, with its first commit.
func newRepository(dir string, s *screen.Screen) (*repository, error) {
	git, err := testenv.NewGitRepo(dir)
	if err != nil {
		return nil, err
	}
	// The reader may commit too, on a machine that knows nobody's name.
	for key, value := range map[string]string{"user.name": "You", "user.email": "you@drover.example"} {
		if _, err := git.Git("config", key, value); err != nil {
			return nil, err
		}
	}
	git.WriteTree(firstTree)
	if err := writeExamples(git); err != nil {
		return nil, err
	}
	if _, err := git.Commit("three clusters, two apps"); err != nil {
		return nil, err
	}
	return &repository{git, s}, nil
}

// replace replaces the only occurrence of old in a file.
func (r *repository) replace(file, old, with string) error {
	path := filepath.Join(r.git.Dir, filepath.FromSlash(file))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), old); n != 1 {
		return fmt.Errorf("%s holds %q %d times; want once", file, old, n)
	}
	changed := strings.Replace(string(text), old, with, 1)
	r.git.Write(file, changed)
	less, more := difference(string(text), changed)
	r.screen.Diff(file, less, more)
	return nil
}

// difference is what two texts do not share, in lines.
func difference(old, now string) (less, more []string) {
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return a, b
}

// move is a moment at which the branch moved, and to what.
type move struct {
	at   time.Time
	hash string
}

// commit commits all that was changed. The moment is the one before, so whatever is measured from it includes the
// time that git takes.
func (r *repository) commit(message string) (move, error) {
	r.screen.Ran(fmt.Sprintf("git commit -am %q", message))
	if _, err := r.git.Git("add", "--all"); err != nil {
		return move{}, err
	}
	at := time.Now()
	hash, err := r.git.Commit(message)
	return move{at, hash}, err
}

// revert takes the newest commit back by another.
func (r *repository) revert() (move, error) {
	r.screen.Ran("git revert --no-edit HEAD")
	head, err := r.git.Head()
	if err != nil {
		return move{}, err
	}
	at := time.Now()
	hash, err := r.git.Revert(head)
	return move{at, hash}, err
}
