package git

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/drover-dev/drover/hub/git/repository"
)

// local is a repository on this machine, read in place.
type local struct {
	path, branch string
	log          *slog.Logger

	repo    *repository.Repository
	trouble bool   // the last look failed, so the repository may have been replaced
	ref     string // the ref that the branch was last read from

	mu      sync.Mutex // guards what follows, because of close
	watch   *watcher   // nil before the first look, and if there can be none
	unwatch bool       // there is to be no watcher
}

func (l *local) look(context.Context) (repository.Head, error) {
	h, err := l.read()
	if err != nil && !l.trouble { // maybe the repository is another one by now, or none
		l.trouble = true
		h, err = l.read()
	}
	l.trouble = err != nil
	return h, err
}

// read says where the branch is. What is read is watched before, so that no change is lost.
func (l *local) read() (repository.Head, error) {
	if err := l.reopen(); err != nil {
		return repository.Head{}, err
	}
	for {
		l.arm()
		h, err := l.repo.Head(l.branch)
		if ref := h.Ref(); ref != l.ref && err == nil {
			l.ref = ref
			continue
		}
		return h, err
	}
}

// reopen opens the repository, also if it had been open before something went wrong.
func (l *local) reopen() error {
	if l.repo != nil && !l.trouble {
		return nil
	}
	r, err := repository.Open(l.path)
	if err != nil {
		return err
	}
	r.Reuse(l.repo)
	l.repo = r
	return nil
}

func (l *local) open(h repository.Head) (*repository.Snapshot, error) {
	s, err := l.repo.Snapshot(h.ID, h.Branch)
	if l.trouble = l.trouble || err != nil; err != nil {
		return nil, err
	}
	return s.From(publicAddress(l.path)), nil
}

func (l *local) known() (repository.Head, bool) { return repository.Head{}, false }

func (l *local) moved() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watch == nil {
		return nil
	}
	return l.watch.moved
}

func (l *local) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unwatch = true
	if l.watch == nil {
		return nil
	}
	return l.watch.close()
}

// arm watches the folders that a change of the branch shows in.
func (l *local) arm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watch == nil && !l.unwatch {
		w, err := newWatcher(l.log)
		if err != nil {
			l.unwatch = true
			l.log.Warn("watching the repository's files does not work, so it is looked at every poll interval only", "repository", l.path, "err", err)
		}
		l.watch = w
	}
	if l.watch == nil {
		return
	}
	dirs := []string{l.repo.GitDir(), l.repo.CommonDir(), filepath.Join(l.repo.CommonDir(), "refs", "heads")}
	ref := l.ref
	if l.branch != "" {
		ref = repository.BranchPrefix + l.branch
	}
	for i := range ref {
		if ref[i] == '/' {
			dirs = append(dirs, filepath.Join(l.repo.CommonDir(), filepath.FromSlash(ref[:i])))
		}
	}
	l.watch.add(dirs)
}
