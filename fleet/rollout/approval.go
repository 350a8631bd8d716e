package rollout

import (
	"slices"
	"strings"
)

// Counts says whether an approval is of a person whose word counts, for a commit of an author.
func (a Approval) Counts(w WaveApproval, author string) bool {
	if a.NotAuthor && (w.By == author || w.Email != "" && strings.EqualFold(w.Email, author)) {
		return false
	}
	in := func(group string) bool { return slices.Contains(w.Groups, group) }
	return len(a.Groups) == 0 || w.Person != "" && slices.ContainsFunc(a.Groups, in)
}

// Needed is how many people have to approve before the wave begins.
func (w Wave) Needed() int {
	if w.Approval == nil {
		return 0
	}
	return max(1, w.Approval.Count)
}

// Approved counts the people whose approvals let the wave begin with a target.
func (w Wave) Approved(all []WaveApproval, t Target) int {
	people := map[string]bool{}
	for _, a := range all {
		if w.Approval != nil && a.Wave == w.Name && a.Target == t.ID && w.Approval.Counts(a, t.Author) {
			people[a.Person] = true
		}
	}
	return len(people)
}
