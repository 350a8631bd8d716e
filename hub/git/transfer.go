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
	at     location
	branch string
	wanted Wanted
	login  func(context.Context) (Auth, error)
	dir    string      // where a new mirror is made
	mirror *repository // nil makes a new one
	bounds bounds
}

// outcome is what a transfer found.
type outcome struct {
	head  head
	clone string // the folder with the new mirror, if one was made
	doubt bool   // with an error: maybe the mirror is what is wrong
}

// run does the transfer.
func (t *transfer) run(ctx context.Context) (out outcome, err error) {
	var l *login
	ctx = t.bounds.bounded(ctx)
	auth, err := t.login(ctx)
	if err == nil {
		l, err = newLogin(t.at, auth)
	}
	if err == nil {
		defer l.close()
		err = t.reach(ctx, l, &out)
	}
	if err != nil && ctx.Err() == nil {
		var known bool
		err, known = explain(t.at, l, err)
		out.doubt = out.head.branch != "" && !known // the other side is well
	}
	return out, err
}

func (t *transfer) reach(ctx context.Context, l *login, out *outcome) error {
	asking, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var err error
	if out.head, err = t.pinned(); err != nil {
		return err
	}
	if out.head.branch == "" {
		if out.head, err = t.ask(asking, l); err != nil {
			return err
		}
	}
	if t.mirror != nil {
		if have, err := t.mirror.head(out.head.branch); err == nil && have.id == out.head.id {
			return nil
		}
	}
	if err := t.bounds.refused(t.dir, out.head.id); err != nil {
		return err
	}
	fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if t.mirror == nil {
		out.clone, err = t.clone(fetching, l, out.head)
	} else {
		err = t.fetch(fetching, l, t.mirror.common, out.head)
	}
	if excess, ok := errors.AsType[*excessError](err); ok {
		t.bounds.refuse(t.dir, out.head.id, excess)
		if t.mirror != nil {
			t.mirror.dropParts()
		}
	}
	return err
}

// remote describes the other side to go-git. The URL has no credentials: it is written to the mirror.
func (t *transfer) remote(ref string) *config.RemoteConfig {
	return &config.RemoteConfig{Name: originName, URLs: []string{t.at.url}, Fetch: []config.RefSpec{spec(ref)}}
}

// spec says that a ref is to become what it is there, also when it was pushed with force.
func spec(ref string) config.RefSpec { return config.RefSpec("+" + ref + ":" + ref) }

// ask finds out where the branch is.
func (t *transfer) ask(ctx context.Context, l *login) (head, error) {
	var list []*plumbing.Reference
	err := t.metered(t.bounds.asking(), "to list its branches and tags", func(meter string) (err error) {
		list, err = gogit.NewRemote(memory.NewStorage(), t.remote(branchPrefix+"*")).ListContext(ctx, &gogit.ListOptions{
			Auth: l.auth, CABundle: l.ca, ClientCert: l.cert, ClientKey: l.key, ProxyOptions: proxyFor(ctx, t.at.scheme, meter),
		})
		return err
	})
	if err != nil {
		return head{}, err
	}
	if len(list) > t.bounds.refs {
		return head{}, &excessError{fmt.Sprintf("it has %d branches and tags, and %d are taken at most", len(list), t.bounds.refs)}
	}
	if t.wanted != (Wanted{}) {
		return t.wanted.choose(list)
	}
	return chooseHead(list, t.branch)
}

// chooseHead finds the branch in what a server lists; "" is the one that its HEAD names.
func chooseHead(list []*plumbing.Reference, branch string) (head, error) {
	branches := map[string]hash{}
	var names []string
	var headRef *plumbing.Reference
	for _, ref := range list {
		if ref.Name() == plumbing.HEAD {
			headRef = ref
		}
		name, ok := strings.CutPrefix(ref.Name().String(), branchPrefix)
		if ok && validRef(ref.Name().String()) && ref.Type() == plumbing.HashReference {
			branches[name] = ref.Hash()
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if branch == "" && headRef != nil {
		branch = strings.TrimPrefix(headRef.Target().String(), branchPrefix)
	}
	id, ok := branches[branch]
	switch {
	case ok:
		return head{id, branch}, nil
	case len(names) == 0:
		return head{}, &advisedError{"it is empty", "push a commit to it, which is noticed by itself"}
	case branch == "":
		return head{}, &advisedError{"its HEAD names no branch", "say which branch to follow, one of " + some(names)}
	}
	return head{}, &advisedError{"it has no branch " + branch, "create it, or choose one of " + some(names)}
}

// fetch brings what h names into the bare repository in folder, and makes its HEAD name it.
func (t *transfer) fetch(ctx context.Context, l *login, folder string, h head) error {
	repo, err := gogit.PlainOpen(folder)
	if err != nil {
		return fmt.Errorf("open mirror %s: %w", folder, err)
	}
	if h.branch == pinnedRef {
		err = t.fetchCommit(ctx, l, repo, h.id)
	} else {
		err = t.fetchRefs(ctx, l, repo, spec(h.ref()))
	}
	if err != nil {
		return err
	}
	want := plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.ReferenceName(h.ref()))
	if have, err := repo.Storer.Reference(plumbing.HEAD); err == nil && have.Target() == want.Target() {
		return nil
	}
	return repo.Storer.SetReference(want)
}

func (t *transfer) fetchRefs(ctx context.Context, l *login, repo *gogit.Repository, specs ...config.RefSpec) error {
	within, err := t.bounds.within(repo.Storer)
	if err != nil {
		return err
	}
	for range 3 {
		err = t.metered(t.bounds, "at once", func(meter string) error {
			return gogit.NewRemote(within, t.remote("HEAD")).FetchContext(ctx, &gogit.FetchOptions{
				RefSpecs: specs, Tags: gogit.NoTags,
				Auth: l.auth, CABundle: l.ca, ClientCert: l.cert, ClientKey: l.key, ProxyOptions: proxyFor(ctx, t.at.scheme, meter),
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
func (t *transfer) clone(ctx context.Context, l *login, h head) (_ string, err error) {
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
	if _, err := repo.CreateRemote(t.remote(h.ref())); err != nil {
		return "", fmt.Errorf("make mirror %s: %w", folder, err)
	}
	if err := t.fetch(ctx, l, folder, h); err != nil {
		return "", err
	}
	return folder, ctx.Err()
}
