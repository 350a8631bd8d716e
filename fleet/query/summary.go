package query

import (
	"slices"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Other stands for a phase, health or reason that this release does not know: an agent says what it likes, and the
// number of different ones is bounded.
const Other = "Other"

// Work is what apps are counted by.
type Work struct {
	Phase  protocol.Phase
	Reason protocol.Reason // "" of apps that nothing is to be said of
}

// Summary counts clusters and their apps. What it is counted by is bounded, whatever agents say.
type Summary struct {
	States    map[State]int
	Healths   map[protocol.Health]int
	Apps      map[Work]int
	Objects   Count
	Unsynced  int    // clusters that do not have what was published for them; not those that never joined
	Suspended int    // clusters that Git suspends
	Untaken   uint64 // what agents said and the hub did not take, since it started
	Drift     uint64 // corrections, of agents since each started
	// Ages are for how long nothing was heard, of each cluster that ever reported, shortest first.
	Ages []time.Duration
}

var (
	knownPhases = []protocol.Phase{protocol.PhasePending, protocol.PhaseApplying, protocol.PhaseWaiting,
		protocol.PhaseHealthy, protocol.PhaseDegraded, protocol.PhaseFailed, protocol.PhaseSuspended}
	knownHealths = []protocol.Health{protocol.HealthCurrent, protocol.HealthProgressing, protocol.HealthDegraded,
		protocol.HealthUnknown, protocol.HealthPaused}
	knownReasons = append(protocol.Reasons(), "")
)

// Summarize counts clusters at a time.
func Summarize(clusters []Cluster, now time.Time) Summary {
	s := Summary{States: map[State]int{}, Healths: map[protocol.Health]int{}, Apps: map[Work]int{}}
	for _, c := range clusters {
		r := c.Row()
		s.States[r.State]++
		s.Healths[known(r.Health, knownHealths)]++
		if r.Suspended {
			s.Suspended++
		}
		if !r.Synced && (r.State == StateConnected || r.State == StateOffline) {
			s.Unsynced++
		}
		for _, a := range c.Apps() {
			s.Apps[Work{known(a.Phase, knownPhases), known(a.Reason, knownReasons)}]++
		}
		s.Objects.Good += r.Objects.Good
		s.Objects.All += r.Objects.All
		s.Untaken += c.Untaken.Count
		s.Drift += r.Drift
		if c.Report != nil && r.State != StateReleased {
			s.Ages = append(s.Ages, max(0, now.Sub(c.Received)))
		}
	}
	slices.Sort(s.Ages)
	return s
}

// known is a word, or Other if it is none of those that there are.
func known[W ~string](word W, all []W) W {
	if slices.Contains(all, word) {
		return word
	}
	return Other
}
