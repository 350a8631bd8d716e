package revert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/rollouts"
)

// Options say where reverts go, and whose they are.
type Options struct {
	URL    string // of the repository that the hub follows, as in git.Options
	Branch string // that it follows; "" is the one that the repository's HEAD names
	Dir    string // where its mirror is, as in git.Options
	// Login is how to log in for pushing, to a repository on another machine.
	Login  func(context.Context) (access.Auth, error)
	Author string // as "Name <mail>"
	Key    string // file with the private key for ssh that signs; "" signs nothing
}

// Pusher makes and pushes reverts. It is safe for concurrent use.
type Pusher struct {
	opts   Options
	at     access.Location
	author mail.Address
}

// New makes one. What is wrong with the options is an error now, also that the key cannot be used.
func New(o Options) (*Pusher, error) {
	at, err := access.Parse(o.URL)
	if err != nil {
		return nil, err
	}
	author, err := mail.ParseAddress(o.Author)
	if err != nil {
		return nil, fmt.Errorf("the author of reverts is %.200q: write it as Name <mail@example.com>", o.Author)
	}
	p := &Pusher{opts: o, at: at, author: *author}
	_, err = p.key()
	return p, err
}

// key is what signs; nil for nothing. It is read each time, so that it may be replaced.
func (p *Pusher) key() (ssh.Signer, error) {
	if p.opts.Key == "" {
		return nil, nil
	}
	return readKey(p.opts.Key)
}

const (
	maxSteps   = 100_000 // commits that are gone through for one
	maxNamed   = 50      // reverted commits that the message names
	pushWithin = 5 * time.Minute
)

// Revert implements rollouts.Reverting.
func (p *Pusher) Revert(ctx context.Context, q rollouts.Proposal) (rollouts.Pushed, error) {
	ctx, cancel := context.WithTimeout(ctx, pushWithin)
	defer cancel()
	r, err := p.open(ctx)
	if err != nil {
		return rollouts.Pushed{}, err
	}
	defer r.close()
	ref := "refs/heads/" + q.Branch
	head, followed := r.heads[r.followed]
	switch {
	case ref == r.followed:
		return rollouts.Pushed{}, fmt.Errorf("%w: %s is the branch that the hub follows", rollouts.ErrNoRevert, q.Branch)
	case !followed:
		return rollouts.Pushed{}, fmt.Errorf("the repository has no %s", r.followed)
	}
	if there, is := r.heads[ref]; is { // it is named for what it reverts, so it was pushed before
		return rollouts.Pushed{Commit: there.String()}, nil
	}
	objects := layOver(r.objects)
	commit, err := p.commit(objects, head, q)
	if err != nil || commit.IsZero() {
		return rollouts.Pushed{}, err
	}
	if err := r.push(ctx, ref, commit, objects); err != nil {
		return rollouts.Pushed{}, err
	}
	return rollouts.Pushed{Commit: commit.String()}, nil
}

// commit makes the commit, above the one that the branch is at. It is zero if there is nothing to revert any more.
func (p *Pusher) commit(objects *overlay, on plumbing.Hash, q rollouts.Proposal) (plumbing.Hash, error) {
	none := plumbing.ZeroHash
	head, err := object.GetCommit(objects, on)
	if err != nil {
		return none, fmt.Errorf("the branch is at %s, which the hub has not fetched yet: %w", on, err)
	}
	from, to, reverted, err := rangeOf(objects, head, q)
	if err != nil {
		return none, err
	}
	m := &merger{objects: objects}
	tree, err := m.trees("", from.TreeHash, to.TreeHash, head.TreeHash)
	if err != nil {
		return none, err
	}
	if n := len(m.clashes); n > 0 {
		return none, fmt.Errorf("%w: later commits changed what it would revert, in %s: revert it by hand",
			rollouts.ErrNoRevert, few(m.clashes))
	}
	if tree == head.TreeHash {
		return none, nil
	}
	if tree.IsZero() {
		return none, fmt.Errorf("%w: nothing would be left of the repository", rollouts.ErrNoRevert)
	}
	who := object.Signature{Name: p.author.Name, Email: p.author.Address, When: q.Time.UTC().Truncate(time.Second)}
	c := &object.Commit{Author: who, Committer: who, Message: message(q, reverted), TreeHash: tree,
		ParentHashes: []plumbing.Hash{on}}
	if err := p.sign(objects, c); err != nil {
		return none, err
	}
	return objects.put(c)
}

// sign signs a commit, if there is a key.
func (p *Pusher) sign(objects *overlay, c *object.Commit) error {
	key, err := p.key()
	if key == nil || err != nil {
		return err
	}
	enc := objects.fresh.NewEncodedObject()
	if err := c.EncodeWithoutSignature(enc); err != nil {
		return err
	}
	r, err := enc.Reader()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(r); err != nil {
		return err
	}
	c.PGPSignature, err = sign(key, text.Bytes())
	return err
}

// rangeOf finds the commits to revert: those after one of them up to the other, along first parents, as the branch came
// to them. Without the first, or where it does not lead to the last, that is the last one alone.
func rangeOf(objects *overlay, head *object.Commit, q rollouts.Proposal) (from, to *object.Commit, reverted []string,
	err error) {
	last := plumbing.NewHash(q.Last)
	if from, err = object.GetCommit(objects, last); err != nil {
		return nil, nil, nil, fmt.Errorf("%w: the hub has no commit %s any more", rollouts.ErrNoRevert, q.Last)
	}
	if found, err := leadsTo(head, last); err != nil || !found {
		return nil, nil, nil, errors.Join(err, fmt.Errorf("%w: the branch has no commit %s any more", rollouts.ErrNoRevert,
			q.Last))
	}
	var names []string
	for c := from; len(names) < maxSteps; {
		if q.After != "" && strings.HasPrefix(c.Hash.String(), q.After) {
			return from, c, names, nil
		}
		names = append(names, c.Hash.String())
		if c.NumParents() == 0 {
			break
		}
		if c, err = c.Parent(0); err != nil {
			return nil, nil, nil, err
		}
	}
	if q.Exactly {
		return nil, nil, nil, fmt.Errorf("%w: the branch did not come from %s to %s", rollouts.ErrNoRevert, q.After, q.Last)
	}
	if from.NumParents() == 0 {
		return nil, nil, nil, fmt.Errorf("%w: %s is the first commit of the repository", rollouts.ErrNoRevert, q.Last)
	}
	to, err = from.Parent(0)
	return from, to, []string{q.Last}, err
}

// leadsTo says whether a commit is another one, or comes from it.
func leadsTo(c *object.Commit, wanted plumbing.Hash) (bool, error) {
	seen, steps := map[plumbing.Hash]bool{}, 0
	todo := []*object.Commit{c}
	for len(todo) > 0 && steps < maxSteps {
		c, todo, steps = todo[0], todo[1:], steps+1
		if c.Hash == wanted {
			return true, nil
		}
		for i := range c.NumParents() {
			if h := c.ParentHashes[i]; !seen[h] {
				seen[h] = true
				p, err := c.Parent(i)
				if err != nil {
					return false, err
				}
				todo = append(todo, p)
			}
		}
	}
	return false, nil
}

// message is that of the commit, in the words of `git revert`.
func message(q rollouts.Proposal, reverted []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", q.Subject, strings.TrimSpace(q.Evidence))
	for _, id := range reverted[:min(len(reverted), maxNamed)] {
		fmt.Fprintf(&b, "This reverts commit %s.\n", id)
	}
	if n := len(reverted) - maxNamed; n > 0 {
		fmt.Fprintf(&b, "And %d commits before these.\n", n)
	}
	return b.String()
}

func few(names []string) string {
	text := strings.Join(names[:min(len(names), maxConflict)], ", ")
	if n := len(names) - maxConflict; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
