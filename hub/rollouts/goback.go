package rollouts

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/rollouts/earlier"
	"github.com/drover-dev/drover/hub/rollouts/evidence"
)

// maxReverts is how many reverts of a policy are remembered.
const maxReverts = 100

// pinAt holds clusters at what they have, or at what they had with a target. It pins all of them, or none.
func pinAt(r *rolling, now time.Time, o Order) (string, error) {
	if err := checkEnd(now, o.Until); err != nil {
		return "", err
	}
	clusters, err := chosen(r, o)
	if err != nil {
		return "", err
	}
	pins := map[string]rollout.Pin{}
	maps.Copy(pins, r.decisions.Pins)
	at := "what they have"
	for _, name := range clusters {
		pin := rollout.Pin{Until: o.Until, Reason: o.Reason}
		if o.To != "" {
			if pin.Content, pin.Target, err = held(r).Had(name, o.To, o.Apps); err != nil {
				return "", err
			}
			at = pin.Target
		}
		pins[name] = pin
	}
	if len(pins) > maxOrders {
		return "", fmt.Errorf("%d clusters would be pinned, and %d may be: revert in Git instead", len(pins), maxOrders)
	}
	r.decisions.Pins = pins
	return fmt.Sprintf("%s: held at %s until %s; `drover rollout unpin %s --cluster NAME` ends it",
		few(clusters), at, o.Until.UTC().Format(time.RFC3339), r.policy.Name), nil
}

func few(names []string) string {
	text := strings.Join(names[:min(len(names), earlier.MaxListed)], ", ")
	if n := len(names) - earlier.MaxListed; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// chosen are the clusters that an order is for, sorted: one, those that a selector selects, or all of the policy.
func chosen(r *rolling, o Order) (names []string, err error) {
	if o.Cluster != "" {
		if r.members[o.Cluster] == nil {
			return nil, fmt.Errorf("the policy %s does not hold a cluster %.80q", r.policy.Name, o.Cluster)
		}
		return []string{o.Cluster}, nil
	}
	s, err := selector.Parse(o.Selector)
	if err != nil {
		return nil, err
	}
	for name, m := range r.members {
		if s.Matches(m.labels) {
			names = append(names, name)
		}
	}
	if slices.Sort(names); len(names) == 0 {
		return nil, fmt.Errorf("%q selects no cluster of the policy %s", o.Selector, r.policy.Name)
	}
	return names, nil
}

// isRevision says whether a text is the beginning of the id of a commit: it becomes part of a branch's name.
func isRevision(text string) bool {
	return len(text) >= earlier.MinToRef && strings.Trim(text, "0123456789abcdef") == ""
}

// ofSome refuses a revert for some clusters or apps, and says which command holds them at what they had instead. It is
// one that works: what they would be held at is still there.
func ofSome(r *rolling, o Order) error {
	clusters, err := chosen(r, o)
	if err != nil {
		return err
	}
	if o.To == "" { // to what the first of them had before the newest change
		if at := held(r).At(clusters[0], o.Apps); len(at) > 1 {
			o.To = at[1]
		}
	}
	why := "a revert in Git is of whole commits, and reaches every cluster that reads what they changed: none is made " +
		"for some clusters or apps"
	if o.To == "" {
		return fmt.Errorf("%s. Nothing earlier is held of %s, so commit what it is to have in its own folder", why,
			clusters[0])
	}
	for _, name := range clusters {
		if _, _, err := held(r).Had(name, o.To, o.Apps); err != nil {
			return fmt.Errorf("%s; and they cannot be held at it either: %w", why, err)
		}
	}
	command := evidence.Command(o.Cluster, o.Selector, r.policy.Name, o.Apps)
	return fmt.Errorf("%s. To hold %s at what they had at %s, without a change in Git: `%s --to %s --pin --until 3d "+
		"--reason %s`. For good, commit what they are to have in their own folders", why, few(clusters), o.To, command, evidence.Word(o.To),
		evidence.Word(o.Reason))
}

// revertTo has a revert pushed that a person asks for: of the newest target, or of all commits after a revision.
func revertTo(r *rolling, now time.Time, o Order) (string, error) {
	newest, found := r.newest()
	commit, _, _ := strings.Cut(newest.ID, "+")
	switch {
	case o.Cluster != "" || o.Selector != "" || len(o.Apps) > 0:
		return "", ofSome(r, o)
	case !found:
		return "", fmt.Errorf("the policy %s has no target yet: there is nothing to revert", r.policy.Name)
	case o.To != "" && !isRevision(o.To):
		return "", fmt.Errorf("%.80q is no revision: write %d characters at least of the id of a commit", o.To, earlier.MinToRef)
	}
	p := Proposal{Policy: r.policy.Name, Target: newest.ID, Last: commit, After: newest.Base, Time: now,
		Branch: BranchPrefix + commit[:min(8, len(commit))], Subject: evidence.Subject(newest)}
	if o.To != "" {
		if p.Last = cmp.Or(r.seen, commit); strings.HasPrefix(p.Last, o.To) {
			return "", fmt.Errorf("that is what Git asks for already: %.8s", p.Last)
		}
		p.Target, p.After, p.Exactly = "", o.To, true
		p.Branch = fmt.Sprintf("%s%.8s-to-%.8s", BranchPrefix, p.Last, o.To)
		p.Subject = fmt.Sprintf("Revert to %.8s", o.To)
	}
	if v := r.reverts[p.Branch]; v != nil && (!v.Ended || v.Commit != "") {
		return fmt.Sprintf("there is such a revert already, for the branch %s; `drover rollout %s` shows it", p.Branch,
			r.policy.Name), nil
	}
	if len(r.reverts) >= maxReverts {
		return "", fmt.Errorf("there are %d reverts, which is the most there may be: they are forgotten after a week",
			len(r.reverts))
	}
	who := cmp.Or(o.By, "a user")
	p.Evidence = fmt.Sprintf("On the RolloutPolicy %s, asked for by %s: %s", r.policy.Name, evidence.OneLine(who),
		evidence.OneLine(o.Reason))
	setRevert(r, p.Branch, &reverting{Proposal: p, By: who})
	return fmt.Sprintf("a revert goes to the branch %s; `drover rollout %s` shows what becomes of it", p.Branch,
		r.policy.Name), nil
}
