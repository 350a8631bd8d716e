// Package approval says whose word lets a wave begin, and whose is missing.
//
// It may import fleet and hub/people.
package approval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/people"
)

// Missing says how many approvals there are and which the wave lacks; "" for none.
func Missing(w rollout.Wave, approved int) string {
	n := w.Needed() - approved
	if n <= 0 {
		return ""
	}
	more := "one more"
	if n > 1 {
		more = fmt.Sprintf("%d more", n)
	}
	if groups := slices.Sorted(slices.Values(w.Approval.Groups)); len(groups) > 0 {
		more += " of " + strings.Join(groups, " or ")
	}
	return fmt.Sprintf("%d of %d approvals; needs %s", approved, w.Needed(), more)
}

// May says why an approval does not count; nil if it does.
func May(policy string, w rollout.Wave, a rollout.WaveApproval, t rollout.Known) error {
	if w.Approval == nil {
		return fmt.Errorf("the wave %s asks for no approval", w.Name)
	}
	groups := strings.Join(slices.Sorted(slices.Values(w.Approval.Groups)), " or ")
	switch {
	case groups != "" && a.Person == "":
		return fmt.Errorf("the wave %s asks for the word of a person of %s, and the shared token is nobody's: use a token "+
			"of your own (`drover token create NAME --group %s` makes one), or go on without by `drover rollout skip %s/%[1]s`",
			w.Name, groups, w.Approval.Groups[0], policy)
	case groups != "" && !(people.Who{Groups: a.Groups}).In(w.Approval.Groups):
		return fmt.Errorf("the wave %s asks for the word of a person of %s, and the token of %s is of %s", w.Name, groups,
			a.Person, orNone(a.Groups))
	case w.Approval.NotAuthor && a.Person == "" && a.By == "":
		return fmt.Errorf("the wave %s asks for another person than the author: say who you are with --as", w.Name)
	case w.Approval.NotAuthor && a.Person != "" && a.Email == "":
		return fmt.Errorf("the wave %s asks for another person than the author, and the token of %s has no mail address to "+
			"compare: make one with `drover token create %[2]s --email ADDRESS`", w.Name, a.Person)
	case !w.Approval.Counts(a, t.Author):
		return fmt.Errorf("the wave %s asks for another person than the author, %s", w.Name, t.Author)
	}
	return nil
}

func orNone(groups []string) string {
	if len(groups) == 0 {
		return "no group"
	}
	return strings.Join(groups, ", ")
}
