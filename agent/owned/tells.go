package owned

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// CompareProblems puts the worst first.
func CompareProblems(a, b protocol.Problem) int {
	return cmp.Or(cmp.Compare(rank(b.Health), rank(a.Health)), a.Object.Compare(b.Object))
}

func rank(h protocol.Health) int {
	switch h {
	case protocol.HealthDegraded:
		return 4
	case protocol.HealthUnknown:
		return 3
	case protocol.HealthProgressing:
		return 2
	case protocol.HealthPaused:
		return 1
	}
	return 0
}

// Conflicts describes the first conflict over an object of an app.
func Conflicts(own []*Object) string {
	for _, o := range own {
		if text := o.Conflict.Says(o.Item.Ref); text != "" {
			return text
		}
	}
	return ""
}

// Asides is what is to be known of the objects of an app that is healthy.
func Asides(own []*Object, s Settings) string {
	drifted, left := 0, 0
	for _, o := range own {
		switch {
		case o.Want == nil:
		case o.Left():
			left++
		case o.Item.Told != agent.Sum{}:
			drifted++
		}
	}
	var out []string
	if drifted > 0 {
		out = append(out, fmt.Sprintf("%s drifted, and left so, because the app keeps drift", phrase.Count(drifted,
			"object")))
	}
	if left > 0 {
		out = append(out, fmt.Sprintf("%s left alone, as annotations of theirs ask", phrase.Count(left, "object")))
	}
	out = append(out, atomics(own, s))
	return strings.Join(slices.DeleteFunc(out, func(s string) bool { return s == "" }), "; ")
}

// Leftovers tells of objects that left Git and have not gone yet. held is why nothing is deleted.
func (h *Set) Leftovers(held string) string {
	n := h.LeftoverCount()
	if n == 0 {
		return ""
	}
	if held != "" {
		return phrase.Count(n, "object") + " not deleted " + held
	}
	return phrase.Count(n, "object") + " still to be deleted" + lingering(h.Own)
}

// lingering names those that were told to go and linger, or wait for a person.
func lingering(own []*Object) string {
	for _, o := range own {
		if o.Want == nil && o.Hold != nil {
			return ": " + o.Hold.Held.Message
		}
		if o.Removing {
			return ": " + o.Item.Ref.String() + " is waiting for its finalizers"
		}
	}
	return ""
}

// Unwell are the objects that are not as they should be, and those that another app has.
func (h *Set) Unwell() (out []protocol.Problem) {
	for _, o := range h.Own {
		if o.Trouble != nil || o.Want != nil && !o.Current() {
			out = append(out, o.Problem())
		}
	}
	for _, c := range h.Clashes {
		out = append(out, protocol.Problem{Object: c.Ref, Health: protocol.HealthDegraded, Message: "app " + c.With +
			" has it, too: take it out of one of them"})
	}
	return out
}

// waitsForQuota says what becomes of the objects that left Git while a quota is used up; "" if there are none, or
// that is not what o waits for.
func (h *Set) waitsForQuota(o *Object, held string) string {
	if !o.Trouble.Quota() || !h.Leftover() {
		return ""
	}
	for _, x := range h.Own {
		if x.Want == nil && guard.Precious(x.Item.Ref) && guard.SharesQuota(x.Item.Ref, o.Item.Ref) {
			return fmt.Sprintf("; %s left Git, and is not deleted before everything else is applied, because its data would be "+
				"lost: delete it by hand, or raise the quota", x.Item.Ref)
		}
	}
	return "; " + h.Leftovers(held)
}

// Troubled is the first object that could not be applied or deleted. held is why nothing is deleted.
func (h *Set) Troubled(held string) fleet.Fact {
	var first *Object
	n := 0
	for _, o := range h.Own {
		if o.Trouble != nil {
			if n++; first == nil {
				first = o
			}
		}
	}
	if first == nil {
		return fleet.Fact{}
	}
	otherwise := protocol.ReasonApplyFailed
	if first.Want == nil {
		otherwise = protocol.ReasonPruneFailed
	}
	return fleet.Fact{Reason: CodeOf(first.Trouble.Err, otherwise), Object: first.Item.Ref,
		Text: first.complaint() + h.waitsForQuota(first, held), More: n - 1}
}
