package held

import (
	"fmt"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// waits says what a wave of a policy waits for before it releases anything.
func (f Fleet) waits(p rollout.Policy, wave int) (out []string) {
	if wave < 0 {
		return []string{"its clusters are in no wave, so that nothing is released to them: add a last wave without a " +
			"clusterSelector"}
	}
	w := p.Waves[wave]
	switch {
	case wave > 0:
		out = append(out, fmt.Sprintf("the wave %s must have passed", p.Waves[wave-1].Name))
	case p.After != "":
		out = append(out, fmt.Sprintf("the last wave of the policy %s must have passed", p.After))
	}
	if n := w.Needed(); n > 0 {
		out = append(out, fmt.Sprintf("%s must approve (drover rollout approve %s/%s)", people(n, w.Approval.Groups),
			p.Name, w.Name))
	}
	if open, why := p.Windows.Open(f.Now); !open {
		text := "no window is open now"
		if why != "" {
			text += " (" + why + ")"
		}
		if at := p.Windows.Opens(f.Now); !at.IsZero() {
			text += ", the next opens at " + at.UTC().Format(time.RFC3339)
		}
		out = append(out, text)
	}
	return out
}

func people(n int, groups []string) string {
	out := fmt.Sprintf("%d people", n)
	if n == 1 {
		out = "1 person"
	}
	if len(groups) > 0 {
		out += " of " + strings.Join(groups, " or ")
	}
	return out
}
