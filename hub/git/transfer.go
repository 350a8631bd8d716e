package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/bounds"
	"github.com/drover-dev/drover/hub/git/object"
	"github.com/drover-dev/drover/hub/git/repository"
)

const (
	askTimeout   = time.Minute // to list the branches
	fetchTimeout = time.Hour   // to fetch what is new, or everything
	clonePrefix  = "clone-"    // of the folders with mirrors, also unfinished ones
	originName   = "origin"
)

// transfer is one attempt to bring the mirror to where the branch is. It may outlive the call that
// wanted it, so it shares nothing that changes.
type transfer struct {
	at     access.Location
	branch string
	wanted Wanted
	login  func(context.Context) (access.Auth, error)
	dir    string                 // where a new mirror is made
	mirror *repository.Repository // nil makes a new one
	bounds bounds.Bounds
}

// outcome is what a transfer found.
type outcome struct {
	head  repository.Head
	clone string // the folder with the new mirror, if one was made
	doubt bool   // with an error: maybe the mirror is what is wrong
}

// run does the transfer.
func (t *transfer) run(ctx context.Context) (out outcome, err error) {
	var l *access.Login
	ctx = t.bounds.Bounded(ctx)
	auth, err := t.login(ctx)
	if err == nil {
		l, err = access.NewLogin(t.at, auth)
	}
	if err == nil {
		defer l.Close()
		err = t.reach(ctx, l, &out)
	}
	if err != nil && ctx.Err() == nil {
		var known bool
		err, known = access.Explain(t.at, l, err)
		out.doubt = out.head.Branch != "" && !known // the other side is well
	}
	return out, err
}

func (t *transfer) reach(ctx context.Context, l *access.Login, out *outcome) error {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var err error
	if out.head, err = t.pinned(); err != nil {
		return err
	}
	if out.head.Branch == "" {
		if out.head, err = t.ask(asking, l); err != nil {
			return err
		}
	}
	if t.mirror != nil {
		if have, err := t.mirror.Head(out.head.Branch); err == nil && have.ID == out.head.ID {
			return nil
		}
	}
	if err := t.bounds.Refused(t.dir, out.head.ID); err != nil {
		return err
	}
	fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if t.mirror == nil {
		out.clone, err = t.clone(fetching, l, out.head)
	} else {
		err = t.fetch(fetching, l, t.mirror.CommonDir(), out.head)
	}
	if excess, ok := errors.AsType[*bounds.ExcessError](err); ok {
		t.bounds.Refuse(t.dir, out.head.ID, excess)
		if t.mirror != nil {
			t.mirror.DropParts()
		}
	}
	return err
}

// remote describes the other side to go-git. The URL has no credentials: it is written to the mirror.
func (t *transfer) remote(ref string) *config.RemoteConfig {
	return &config.RemoteConfig{Name: originName, URLs: []string{t.at.URL}, Fetch: []config.RefSpec{spec(ref)}}
}

// spec says that a ref is to become what it is there, also when it was pushed with force.
func spec(ref string) config.RefSpec { return config.RefSpec("+" + ref + ":" + ref) }

// ask finds out where the branch is.
func (t *transfer) ask(ctx context.Context, l *access.Login) (repository.Head, error) {
	var list []*plumbing.Reference
	err := t.metered(t.bounds.Asking(), "to list its branches and tags", func(meter string) (err error) {
		list, err = gogit.NewRemote(memory.NewStorage(), t.remote(repository.BranchPrefix+"*")).ListContext(ctx, &gogit.ListOptions{
			Auth: l.Auth, CABundle: l.CA, ClientCert: l.Certificate, ClientKey: l.Key, ProxyOptions: bounds.ProxyFor(ctx, t.at.Scheme, meter),
		})
		return err
	})
	if err != nil {
		return repository.Head{}, err
	}
	if len(list) > t.bounds.Refs {
		return repository.Head{}, bounds.Exceeds(fmt.Sprintf("it has %d branches and tags, and %d are taken at most", len(list), t.bounds.Refs))
	}
	if t.wanted != (Wanted{}) {
		return t.wanted.choose(list)
	}
	return chooseHead(list, t.branch)
}

// chooseHead finds the branch in what a server lists; "" is the one that its HEAD names.
func chooseHead(list []*plumbing.Reference, branch string) (repository.Head, error) {
	branches := map[string]object.Hash{}
	var names []string
	var headRef *plumbing.Reference
	for _, ref := range list {
		if ref.Name() == plumbing.HEAD {
			headRef = ref
		}
		name, ok := strings.CutPrefix(ref.Name().String(), repository.BranchPrefix)
		if ok && repository.ValidRef(ref.Name().String()) && ref.Type() == plumbing.HashReference {
			branches[name] = ref.Hash()
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if branch == "" && headRef != nil {
		branch = strings.TrimPrefix(headRef.Target().String(), repository.BranchPrefix)
	}
	id, ok := branches[branch]
	switch {
	case ok:
		return repository.Head{ID: id, Branch: branch}, nil
	case len(names) == 0:
		return repository.Head{}, access.Advise("it is empty", "push a commit to it, which is noticed by itself")
	case branch == "":
		return repository.Head{}, access.Advise("its HEAD names no branch", "say which branch to follow, one of "+repository.Few(names))
	}
	return repository.Head{}, access.Advise("it has no branch "+branch, "create it, or choose one of "+repository.Few(names))
}

// fetch brings what h names into the bare repository in folder, and makes its HEAD name it.
func (t *transfer) fetch(ctx context.Context, l *access.Login, folder string, h repository.Head) error {
	repo, err := gogit.PlainOpen(folder)
	if err != nil {
		return fmt.Errorf("open mirror %s: %w", folder, err)
	}
	if h.Branch == pinnedRef {
		err = t.fetchCommit(ctx, l, repo, h.ID)
	} else {
		err = t.fetchRefs(ctx, l, repo, spec(h.Ref()))
	}
	if err != nil {
		return err
	}
	want := plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.ReferenceName(h.Ref()))
	if have, err := repo.Storer.Reference(plumbing.HEAD); err == nil && have.Target() == want.Target() {
		return nil
	}
	return repo.Storer.SetReference(want)
}

func (t *transfer) fetchRefs(ctx context.Context, l *access.Login, repo *gogit.Repository, specs ...config.RefSpec) error {
	within, err := t.bounds.Within(repo.Storer)
	if err != nil {
		return err
	}
	for range 3 {
		err = t.metered(t.bounds, "at once", func(meter string) error {
			return gogit.NewRemote(within, t.remote("HEAD")).FetchContext(ctx, &gogit.FetchOptions{
				RefSpecs: specs, Tags: gogit.NoTags,
				Auth: l.Auth, CABundle: l.CA, ClientCert: l.Certificate, ClientKey: l.Key, ProxyOptions: bounds.ProxyFor(ctx, t.at.Scheme, meter),
			})
		})
		if !overtaken(err) {
			break
		}
	}
	if errors.Is(err, gogit.NoErrAlreadyUpToDate) {
		return nil
	}
	return err
}

// overtaken says whether a server had sent everything and ended before go-git closed its side of the SSH channel, which
// then cannot be closed any more. go-git v5 takes that for a failure and gives it as text alone (uploadPack in
// plumbing/transport/internal/common); nothing is wrong, and another try is as good as the first.
func overtaken(err error) bool {
	return err != nil && strings.HasSuffix(err.Error(), "closing input: EOF")
}

// clone makes a new mirror. Nothing refers to its folder yet.
func (t *transfer) clone(ctx context.Context, l *access.Login, h repository.Head) (_ string, err error) {
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return "", fmt.Errorf("make a folder for the mirror: %w", err)
	}
	folder, err := os.MkdirTemp(t.dir, clonePrefix)
	if err != nil {
		return "", fmt.Errorf("make a folder for the mirror: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(folder)
		}
	}()
	repo, err := gogit.PlainInit(folder, true)
	if err != nil {
		return "", fmt.Errorf("make mirror %s: %w", folder, err)
	}
	if _, err := repo.CreateRemote(t.remote(h.Ref())); err != nil {
		return "", fmt.Errorf("make mirror %s: %w", folder, err)
	}
	if err := t.fetch(ctx, l, folder, h); err != nil {
		return "", err
	}
	return folder, ctx.Err()
}

// sshOverhead is what a connection over ssh receives beside what was asked for.
const sshOverhead = 8 << 20

// metered runs a request over ssh whose answer is bounded. Over http, and for what is in a pack, others count.
func (t *transfer) metered(b bounds.Bounds, what string, request func(meter string) error) error {
	if t.at.Scheme != "ssh" {
		return request("")
	}
	most := b.Advertised + b.Received + (b.Advertised+b.Received)/8 + sshOverhead
	id, m, done := bounds.NewMeter(most)
	defer done()
	err := request(id)
	if err != nil && m.Broken() {
		return bounds.Exceeds(fmt.Sprintf("the server sends more than %d MiB %s", most>>20, what))
	}
	return err
}
