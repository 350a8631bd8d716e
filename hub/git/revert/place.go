package revert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/client"

	"github.com/drover-dev/drover/hub/git"
	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/bounds"
)

// place is the repository while one revert is made.
type place struct {
	objects  storer.EncodedObjectStorer
	heads    map[string]plumbing.Hash // what its branches are at, by the whole name of the ref
	followed string                   // the branch that the hub follows, by that name
	push     func(ctx context.Context, ref string, commit plumbing.Hash, objects *overlay) error
	close    func()
}

// open asks what the branches of the repository are at.
func (p *Pusher) open(ctx context.Context) (*place, error) {
	folder := p.at.Path
	if folder == "" {
		folder = filepath.Join(p.opts.Dir, git.MirrorLink)
	}
	repo, err := gogit.PlainOpenWithOptions(folder, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return nil, fmt.Errorf("open what the hub has of the repository, %s: %w", folder, err)
	}
	at := &place{objects: repo.Storer, heads: map[string]plumbing.Hash{}, followed: "refs/heads/" + p.opts.Branch,
		close: func() {}}
	if p.opts.Branch == "" {
		head, err := repo.Reference(plumbing.HEAD, false)
		if err != nil || head.Type() != plumbing.SymbolicReference {
			return nil, errors.Join(fmt.Errorf("HEAD of %s names no branch", folder), err)
		}
		at.followed = head.Target().String()
	}
	if p.at.Path == "" {
		return at, p.reach(ctx, at)
	}
	refs, err := repo.References()
	if err != nil {
		return nil, err
	}
	err = refs.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference {
			at.heads[r.Name().String()] = r.Hash()
		}
		return nil
	})
	at.push = func(_ context.Context, ref string, commit plumbing.Hash, objects *overlay) error {
		for _, h := range objects.new() {
			if _, err := repo.Storer.SetEncodedObject(objects.fresh.Objects[h]); err != nil {
				return fmt.Errorf("write to %s: %w", folder, err)
			}
		}
		return repo.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(ref), commit))
	}
	return at, err
}

// reach opens a session for pushing to a repository on another machine.
func (p *Pusher) reach(ctx context.Context, at *place) (err error) {
	auth, err := p.opts.Login(ctx)
	if err != nil {
		return err
	}
	l, err := access.NewLogin(p.at, auth)
	if err != nil {
		return err
	}
	meter, _, done := bounds.NewMeter(bounds.Default.Advertised)
	at.close = func() {
		done()
		l.Close()
	}
	explained := func(err error) error {
		if err != nil && ctx.Err() == nil {
			err, _ = access.Explain(p.at, l, err)
		}
		return err
	}
	defer func() {
		if err != nil {
			at.close()
		}
	}()
	to, err := transport.NewEndpoint(p.at.URL)
	if err != nil {
		return err
	}
	to.CaBundle, to.ClientCert, to.ClientKey = l.CA, l.Certificate, l.Key
	to.Proxy = bounds.ProxyFor(ctx, p.at.Scheme, meter)
	ctx = bounds.Default.Bounded(ctx)
	by, err := client.NewClient(to)
	if err != nil {
		return err
	}
	session, err := by.NewReceivePackSession(to, l.Auth)
	if err != nil {
		return explained(err)
	}
	release := at.close
	at.close = func() {
		_ = session.Close()
		release()
	}
	has, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return explained(err)
	}
	if len(has.References) > bounds.Default.Refs {
		return bounds.Exceeds(fmt.Sprintf("it has %d branches and tags, and %d are taken at most", len(has.References),
			bounds.Default.Refs))
	}
	at.heads = has.References
	at.push = func(ctx context.Context, ref string, commit plumbing.Hash, objects *overlay) error {
		pack, err := objects.pack()
		if err != nil {
			return err
		}
		req := packp.NewReferenceUpdateRequestFromCapabilities(has.Capabilities)
		// the server refuses it if there is such a branch by now
		req.Commands = []*packp.Command{{Name: plumbing.ReferenceName(ref), Old: plumbing.ZeroHash, New: commit}}
		req.Packfile = io.NopCloser(bytes.NewReader(pack))
		report, err := session.ReceivePack(ctx, req)
		if err == nil && report != nil {
			err = report.Error()
		}
		return explained(err)
	}
	return nil
}
