package rollout

import (
	"path"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/fleet/selector"
)

// Policy says how changes reach clusters: what a RolloutPolicy declares.
type Policy struct {
	Name string
	// Selector chooses the clusters. Those under no policy get what is new at once.
	Selector selector.Selector
	Apps     []string // names or patterns of path.Match; none is all
	Waves    []Wave   // in order
	// Settle is how long a cluster that is online may take to become healthy before it counts as failed; 0 is the
	// longest timeout of its apps, and SettleMore.
	Settle    time.Duration
	Offline   Offline
	OnFailure OnFailure
	Revert    bool   // the hub pushes a branch that reverts what failed
	After     string // the policy whose last wave gives the candidates; "" for every commit
	Windows   schedule.Windows
	Gates     []Gate
}

// Wave is a set of clusters that get a change together.
type Wave struct {
	Name string
	// Selector chooses its clusters among those that no wave before it has; nil takes all of them.
	Selector *selector.Selector
	Approval *Approval // what it takes to begin; nil for nothing
	AtOnce   Amount    // released and not settled yet; zero is no limit
	// Steps are slices of the wave, each with those before it, chosen by a stable hash. None is the wave as a whole.
	Steps    []Amount
	Soak     time.Duration // after each slice
	Failures Amount        // that are tolerated, rounded down
	Gates    []string      // names of Policy.Gates, judged while the slice soaks
}

// Approval is whose word a wave waits for.
type Approval struct {
	Groups    []string // any of them; none is any person's
	Count     int      // of people; at least 1 is needed, whatever it says
	NotAuthor bool     // the author of the commit does not count
}

// Offline says how clusters count that are away.
type Offline struct {
	After  time.Duration // that are away for longer; DefaultAfter if it is 0
	Quorum Amount        // of a wave's clusters that have to settle; DefaultQuorum if it is zero
}

// OnFailure is what becomes of clusters that have what failed.
type OnFailure string

// What there is.
const (
	Halt     OnFailure = "halt"     // they keep it; no other gets it
	Rollback OnFailure = "rollback" // they get what they had before
)

// Gate is a question to metrics, in the words of Argo's AnalysisTemplate. The hub asks it; Step gets the answer as a
// GateResult.
type Gate struct {
	Name             string
	Address          string // of a Prometheus
	Credential       string // of the hub; "" for none
	Query            string
	Interval         time.Duration
	Count            int // that must succeed, one after the other
	SuccessCondition string
	FailureCondition string
	FailureLimit     int
}

// The values of what is not set.
const (
	DefaultAfter = 2 * time.Minute
	// DefaultTimeout is that of an app, see protocol.App, and SettleMore how much longer than its timeout an app may
	// take: its agent fetches, applies and reports.
	DefaultTimeout = 5 * time.Minute
	SettleMore     = 5 * time.Minute
	// silentFactor is how many times Offline.After a cluster that became silent after a release has to come back.
	silentFactor = 5
	// backFactor is how much more than AtOnce may be in flight on the way back.
	backFactor = 4
)

// DefaultQuorum is the share of a wave's clusters that have to settle.
var DefaultQuorum = Amount{Share: 50 * 100}

// Holds says whether the policy holds an app of a cluster with these labels.
func (p Policy) Holds(labels map[string]string, app string) bool {
	return p.Selector.Matches(labels) && p.HoldsApp(app)
}

// HoldsApp says whether the policy holds an app in the clusters that it selects.
func (p Policy) HoldsApp(app string) bool {
	return len(p.Apps) == 0 || slices.ContainsFunc(p.Apps, func(pattern string) bool {
		is, err := path.Match(pattern, app)
		return is && err == nil
	})
}

// WaveOf is the place of the wave that a cluster with these labels is in; -1 if it is in none.
func (p Policy) WaveOf(labels map[string]string) int {
	return slices.IndexFunc(p.Waves, func(w Wave) bool { return w.Selector == nil || w.Selector.Matches(labels) })
}

func (p Policy) after() time.Duration {
	if p.Offline.After == 0 {
		return DefaultAfter
	}
	return p.Offline.After
}

func (p Policy) quorum() Amount {
	if p.Offline.Quorum.IsZero() {
		return DefaultQuorum
	}
	return p.Offline.Quorum
}

// steps are the slices of a wave; the last one is all of it, whatever is written.
func (w Wave) steps() []Amount {
	if len(w.Steps) == 0 {
		return []Amount{All}
	}
	return append(slices.Clone(w.Steps[:len(w.Steps)-1]), All)
}
