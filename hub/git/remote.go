package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/bounds"
	"github.com/drover-dev/drover/hub/git/repository"
)

// maxPacks is how many packs a mirror may collect, one for each fetch, before it is cloned again.
const maxPacks = 500

// remote is a repository on another machine, read from a mirror.
type remote struct {
	at     access.Location
	branch string
	wanted Wanted
	login  func(context.Context) (access.Auth, error)
	bounds bounds.Bounds
	dir    string
	log    *slog.Logger
	busy   chan struct{} // held while a transfer runs, also one that nobody waits for any more

	mirror *repository.Repository // nil before the first look, and if there is none
	opened bool                   // it was looked whether there is a mirror
	doubt  bool                   // the mirror could not be brought up to date, and it is not known why
	crowd  int                    // packs that are too many
}

func newRemote(at access.Location, opts Options) (*remote, error) {
	if opts.Dir == "" {
		return nil, fmt.Errorf("repository %s: no folder is given for its mirror: give one", at.URL)
	}
	if at.Scheme == "http" && (at.User != "" || opts.Auth != access.Auth{}) {
		opts.Log.Warn("the login to the repository is sent unencrypted, use https", "repository", at.URL)
	}
	bounds.LimitTransports()
	if opts.Login == nil {
		opts.Login = func(context.Context) (access.Auth, error) { return opts.Auth, nil }
	}
	return &remote{
		at: at, branch: opts.Branch, wanted: opts.Wanted, login: opts.Login, dir: opts.Dir, log: opts.Log, bounds: bounds.Default,
		busy: make(chan struct{}, 1), crowd: maxPacks,
	}, nil
}

// look asks the other side where the branch is, and brings the mirror there.
func (r *remote) look(ctx context.Context) (repository.Head, error) {
	r.openMirror()
	renew := r.mirror != nil && (r.doubt || r.mirror.Damaged())
	if renew {
		r.log.Warn("the mirror of the repository is damaged, cloning it again", "repository", r.at.URL)
	}
	out, err := r.transfer(ctx, renew)
	if err != nil {
		r.doubt = r.doubt || out.doubt
		return repository.Head{}, err
	}
	if out.clone != "" {
		if err := r.adopt(out.clone); err != nil {
			return repository.Head{}, fmt.Errorf("read repository %s: %w", r.at.URL, err)
		}
	}
	r.thin(ctx)
	return r.mirror.Head(out.head.Branch)
}

// transfer runs one transfer. It returns as soon as ctx ends, even if go-git does not; the
// next one waits until that has ended.
func (r *remote) transfer(ctx context.Context, renew bool) (outcome, error) {
	t := &transfer{at: r.at, branch: r.branch, wanted: r.wanted, login: r.login, dir: r.dir, mirror: r.mirror, bounds: r.bounds}
	if renew {
		t.mirror = nil
	}
	select {
	case r.busy <- struct{}{}:
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
	type result struct {
		outcome
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-r.busy }()
		out, err := t.run(ctx)
		done <- result{out, err}
	}()
	select {
	case res := <-done:
		return res.outcome, res.err
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

// thin clones again if the mirror has collected too many packs, which make every search slower.
func (r *remote) thin(ctx context.Context) {
	if r.mirror.Packs() <= r.crowd {
		return
	}
	out, err := r.transfer(ctx, true)
	if err == nil {
		err = r.adopt(out.clone)
	}
	if err != nil {
		r.crowd *= 2
		r.log.Warn("the mirror of the repository consists of many packs and cannot be cloned again", "repository", r.at.URL, "err", err)
	}
}

func (r *remote) open(h repository.Head) (*repository.Snapshot, error) {
	if r.mirror == nil {
		return nil, errors.New("there is no mirror")
	}
	s, err := r.mirror.Snapshot(h.ID, h.Branch)
	if err != nil {
		return nil, err
	}
	return s.From(r.at.URL), nil
}

// known is where the mirror is.
func (r *remote) known() (repository.Head, bool) {
	r.openMirror()
	if r.mirror == nil {
		return repository.Head{}, false
	}
	branch := r.branch
	if r.wanted != (Wanted{}) {
		branch = "" // HEAD names what was fetched last
	}
	h, err := r.mirror.Head(branch)
	return h, err == nil
}

// openMirror opens the mirror that is there from before, once.
func (r *remote) openMirror() {
	if r.opened {
		return
	}
	r.opened = true
	m, err := openMirror(r.dir, r.at.URL)
	switch {
	case err == nil:
		r.mirror = m
	case !errors.Is(err, fs.ErrNotExist):
		r.log.Warn("the mirror of the repository cannot be used, cloning it again", "repository", r.at.URL, "err", err)
	}
	sweep(r.dir, m)
}

// adopt makes a finished clone the mirror. Snapshots of the one before read from the new one what
// they could not read from their own.
func (r *remote) adopt(folder string) error {
	m, err := installMirror(r.dir, folder, r.at.URL)
	if err != nil {
		return err
	}
	if r.mirror != nil {
		m.Replace(r.mirror)
	}
	r.mirror, r.doubt = m, false
	sweep(r.dir, m)
	return nil
}

func (r *remote) moved() <-chan struct{} { return nil }

// close waits a little for a transfer that nobody waits for any more.
func (r *remote) close() error {
	const patience = 5 * time.Second
	select {
	case r.busy <- struct{}{}:
		<-r.busy
	case <-time.After(patience):
	}
	return nil
}
