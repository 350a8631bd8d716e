package rollouts

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/evidence"
)

// Proposal is a revert that is to be pushed to a branch of its own.
type Proposal struct {
	Policy, Target string
	Branch         string
	Last           string // the newest commit that is reverted
	After          string // the commit after which those begin; "" if Last is to be reverted alone
	Exactly        bool   // if After does not lead to Last, nothing is reverted
	Subject        string
	Evidence       string    // why, for people
	Time           time.Time // of the commit
}

// Pushed is what became of a Proposal.
type Pushed struct {
	Commit string // on the branch; "" if there was nothing to revert any more
}

// ErrNoRevert says that a revert cannot be made, however often it is tried; its text says why.
var ErrNoRevert = errors.New("no revert was made")

// Reverting pushes reverts.
type Reverting interface {
	// Revert makes a revert and pushes it. Where there is such a branch, nothing is done.
	Revert(ctx context.Context, p Proposal) (Pushed, error)
}

// reverting is a revert that was decided on.
type reverting struct {
	Proposal
	By     string    `json:",omitempty"` // the person who decided it; "" for the policy
	Commit string    `json:",omitempty"` // that was pushed
	Ended  bool      `json:",omitempty"` // there is nothing left to do
	Text   string    `json:",omitempty"` // what became of it
	Tries  int       `json:",omitempty"`
	Next   time.Time `json:",omitzero"` // when it is tried again

	trying bool
}

// Delays between tries to push.
const (
	firstDelay = 5 * time.Second
	lastDelay  = time.Hour
)

// BranchPrefix is that of the branches with reverts.
const BranchPrefix = "drover/revert-"

// keepReverts is how long it is remembered what became of one that a person asked for. That of a policy is remembered
// as long as its target is bad: if that is bad again, its branch is there.
const keepReverts = 7 * 24 * time.Hour

// decideReverts decides to revert targets that failed, where the policy says so, each once, and forgets what nobody
// waits for. What is decided is stored before it is done.
func decideReverts(r *rolling, now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(r.memory.Targets)) {
		t := r.memory.Targets[id]
		commit, _, moved := strings.Cut(id, "+")
		branch := BranchPrefix + commit[:min(8, len(commit))]
		if !r.policy.Revert || t.Failed == nil || r.lost[id] || r.reverts[branch] != nil {
			continue
		}
		v := &reverting{Proposal: Proposal{Policy: r.policy.Name, Target: id, Branch: branch, Last: commit, After: t.Base,
			Time: t.Failed.Since, Subject: evidence.Subject(t.Target), Evidence: evidenceOf(r, t)}}
		if moved {
			v.Ended, v.Text = true, "what failed came with the same commit from another source, so there is nothing to revert"
		}
		setRevert(r, branch, v)
	}
	for branch, v := range r.reverts {
		t, known := r.memory.Targets[v.Target]
		failed := known && t.Failed != nil
		if v.By == "" && !failed && !v.trying || v.By != "" && v.Ended && now.After(v.Time.Add(keepReverts)) {
			setRevert(r, branch, nil)
		}
	}
}

// setRevert remembers a revert, or with nil forgets it.
func setRevert(r *rolling, branch string, v *reverting) {
	reverts := maps.Clone(r.reverts)
	if reverts == nil {
		reverts = map[string]*reverting{}
	}
	if reverts[branch] = v; v == nil {
		delete(reverts, branch)
	}
	r.reverts, r.news.policy = reverts, true
}

// evidenceOf says why a target of a policy is reverted.
func evidenceOf(r *rolling, t rollout.Known) string {
	labels := make(map[string]map[string]string, len(r.members))
	for name, m := range r.members {
		labels[name] = m.labels
	}
	return evidence.Of(r.policy, r.memory, labels, t)
}

// Push has a revert pushed; by is nil if the hub cannot.
func Push(ctx context.Context, by Reverting, p Proposal) (Pushed, error) {
	if by == nil {
		return Pushed{}, errors.New("this hub pushes nothing")
	}
	return by.Revert(ctx, p)
}

// Reverts are the reverts of a driver's policies.
type Reverts struct{ *Driver }

// Due gives those that are to be pushed now, each once: Done is told the result.
func (d Reverts) Due(now time.Time) (out []Proposal) {
	for _, r := range d.sorted() {
		for _, branch := range slices.Sorted(maps.Keys(r.reverts)) {
			if v := r.reverts[branch]; !v.Ended && !v.trying && !now.Before(v.Next) {
				v.trying = true
				out = append(out, v.Proposal)
			}
		}
	}
	return out
}

// Done takes in what became of one.
func (d Reverts) Done(now time.Time, p Proposal, done Pushed, err error) {
	r := d.rollouts[p.Policy]
	if r == nil || r.reverts[p.Branch] == nil {
		return
	}
	v := *r.reverts[p.Branch]
	v.trying = false
	switch {
	case err == nil && done.Commit == "":
		v.Ended, v.Text = true, "there is nothing to revert: the branch has it no more"
	case err == nil:
		v.Ended, v.Commit, v.Text = true, done.Commit, ""
	case errors.Is(err, ErrNoRevert):
		v.Ended, v.Text = true, evidence.OneLine(err.Error())
	default:
		v.Tries++
		v.Next = now.Add(min(firstDelay<<min(v.Tries-1, 20), lastDelay))
		v.Text = evidence.OneLine(err.Error())
	}
	setRevert(r, p.Branch, &v)
	if v.Ended {
		text := v.Text
		if v.Commit != "" {
			text = "pushed to the branch " + v.Branch
		}
		r.note(Event{Time: now, Kind: "revert", Target: p.Target, Text: text})
	}
	d.log.Info("the revert of a target", "policy", p.Policy, "target", p.Target, "branch", p.Branch, "commit", v.Commit,
		"err", v.Text)
}

// retries is when a revert is tried again; zero for never.
func retries(r *rolling) (first time.Time) {
	for _, v := range r.reverts {
		if !v.Ended && !v.trying && (first.IsZero() || v.Next.Before(first)) {
			first = v.Next
			if first.IsZero() {
				first = time.Unix(1, 0) // at once
			}
		}
	}
	return first
}

// shownReverts are the reverts for people.
func shownReverts(r *rolling) (out []query.Revert) {
	for _, branch := range slices.Sorted(maps.Keys(r.reverts)) {
		v := r.reverts[branch]
		out = append(out, query.Revert{Target: v.Target, Branch: branch, Commit: v.Commit, By: v.By, Text: v.Text,
			Tries: v.Tries, Next: v.Next, Ended: v.Ended})
	}
	return out
}
