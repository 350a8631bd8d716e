// Package evidence writes what the message of a commit says that reverts what failed. It is pure.
//
// It may import fleet/rollout.
package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Limits of what a commit's message says.
const (
	maxEvidence = 8 << 10 // bytes
	maxSubject  = 100     // characters of what the target is called
)

// Subject is the subject of a commit that reverts a target.
func Subject(t rollout.Target) string {
	runes := []rune(OneLine(t.Name))
	if t.Name == "" {
		runes = []rune(t.ID)
	}
	return fmt.Sprintf("Revert %q", string(runes[:min(len(runes), maxSubject)]))
}

// Of says why a target of a policy is reverted: what failed where, and how far it had come. labels are those of the
// clusters of the policy. It is at most 8 KiB.
func Of(policy rollout.Policy, memory rollout.Memory, labels map[string]map[string]string, t rollout.Known) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The rollout of the RolloutPolicy %s found %.8s bad at %s:\n%s.\n", policy.Name, t.ID,
		t.Failed.Since.UTC().Format(time.RFC3339), OneLine(t.Failed.Why))
	if len(t.Failed.Apps) > 0 {
		fmt.Fprintf(&b, "\nApps: %s\n", OneLine(strings.Join(t.Failed.Apps, ", ")))
	}
	b.WriteString("\nClusters, by wave:\n")
	for _, w := range policy.Waves {
		with, failed, back := 0, 0, 0
		causes := map[string]int{}
		for name, has := range labels {
			c := memory.Clusters[name]
			if i := policy.WaveOf(has); i < 0 || policy.Waves[i].Name != w.Name || c.Target != t.ID {
				continue
			}
			if with++; c.Phase == rollout.Failed {
				failed++
				causes[strings.Join(c.Failed, ", ")+" "+string(c.Cause)]++
			}
			if c.Back {
				back++
			}
		}
		fmt.Fprintf(&b, "- %s: given to %d", w.Name, with)
		if failed > 0 {
			fmt.Fprintf(&b, ", failed in %d", failed)
		}
		if back > 0 {
			fmt.Fprintf(&b, ", taken back in %d", back)
		}
		b.WriteString("\n")
		for _, cause := range slices.Sorted(maps.Keys(causes)) {
			fmt.Fprintf(&b, "  %s in %d\n", OneLine(cause), causes[cause])
		}
	}
	what := "Clusters that have it keep it until Git says otherwise"
	if policy.OnFailure == rollout.Rollback {
		what = "Clusters that had it get what they had before"
	}
	fmt.Fprintf(&b, "\n%s; no wave takes it any more.\n", what)
	text := b.String()
	return text[:min(len(text), maxEvidence)]
}

// OneLine is a text without what could look like another line of a commit's message.
func OneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || !unicode.IsPrint(c) && c != ' ' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "?"))
}
