package ask

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// Condition is a word that clusters are chosen by.
type Condition string

// The conditions.
const (
	Healthy   Condition = "healthy"   // connected, in sync, and all of it current
	Behind    Condition = "behind"    // it has not accepted what was published for it last
	Degraded  Condition = "degraded"  // something in it is degraded or failed
	Offline   Condition = "offline"   // its agent is not connected
	Drifting  Condition = "drifting"  // drift was seen in the last hour
	Held      Condition = "held"      // something waits for a person, or a RolloutPolicy holds back what Git asks for
	Awaiting  Condition = "awaiting"  // no agent has joined
	Suspended Condition = "suspended" // Git suspends it
	Removed   Condition = "removed"   // its folder is gone from Git
)

// Conditions are all there are.
func Conditions() []Condition {
	return []Condition{Healthy, Behind, Degraded, Offline, Drifting, Held, Awaiting, Suspended, Removed}
}

// ParseConditions reads words with commas between them.
func ParseConditions(text string) (out []Condition, err error) {
	for word := range strings.SplitSeq(text, ",") {
		c := Condition(strings.TrimSpace(word))
		if c == "" {
			continue
		}
		if !slices.Contains(Conditions(), c) {
			var all []string
			for _, c := range Conditions() {
				all = append(all, string(c))
			}
			return nil, fmt.Errorf("there is no state %.40q of clusters: use %s", c, strings.Join(all, ", "))
		}
		out = append(out, c)
	}
	return out, nil
}

// lately is for how long drift that was corrected makes a cluster drifting.
const lately = time.Hour

// ClusterRow is a cluster in an answer.
type ClusterRow struct {
	query.Row
	// HeldBy are the RolloutPolicies that hold back what Git asks for.
	HeldBy []string `json:"heldBy,omitempty"`
}

// InState gives the clusters in any of some conditions; all of them without one.
func (f Fleet) InState(conditions []Condition, p Paging) Page[ClusterRow] {
	held := f.heldBy()
	return byCluster(f, p, func(c *query.Cluster, make bool) (int, []ClusterRow) {
		if len(conditions) > 0 && !f.in(c, conditions, held) {
			return 0, nil
		}
		if !make {
			return 1, nil
		}
		return 1, []ClusterRow{{c.Row(), held[c.Name]}}
	})
}

// heldBy are the policies that hold back what Git asks for, by cluster.
func (f Fleet) heldBy() map[string][]string {
	out := map[string][]string{}
	add := func(cluster, policy string) {
		if !slices.Contains(out[cluster], policy) {
			out[cluster] = append(out[cluster], policy)
		}
	}
	for _, r := range f.Rollouts {
		for _, name := range r.Behind {
			add(name, r.Policy)
		}
		for _, p := range r.Pinned {
			add(p.Cluster, r.Policy)
		}
	}
	return out
}

// in says whether a cluster is in one of some conditions.
func (f Fleet) in(c *query.Cluster, conditions []Condition, held map[string][]string) bool {
	s := c.Standing()
	there := s.State == query.StateConnected || s.State == query.StateOffline
	for _, condition := range conditions {
		is := false
		switch condition {
		case Healthy:
			is = s.State == query.StateConnected && s.Synced && s.Health == protocol.HealthCurrent
		case Behind:
			is = there && !s.Synced
		case Degraded:
			is = s.Health == protocol.HealthDegraded && s.State != query.StateReleased
		case Offline:
			is = s.State == query.StateOffline
		case Drifting:
			is = c.Report != nil && c.Report.Drift.Last != nil && f.Now.Sub(c.Report.Drift.Last.Time) < lately
		case Held:
			is = c.Held != nil || len(held[c.Name]) > 0 || len(c.Holds()) > 0
		case Awaiting:
			is = s.State == query.StateAwaiting
		case Suspended:
			is = c.Suspended
		case Removed:
			is = s.State == query.StateReleased
		}
		if is {
			return true
		}
	}
	return false
}
