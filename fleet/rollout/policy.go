package rollout

import (
	"path"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout/amount"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/fleet/selector"
)

// Amount is a number of clusters, or a share of them.
type Amount = amount.Amount

// All is every cluster there is.
var All = amount.All

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
	// Deletions bound what a change may delete before a person is asked; nil for the default limits. A policy without
	// waves does nothing else.
	Deletions *deletions.Limits
	// Origin is the object of another tool that the policy is read from; nil for a RolloutPolicy. Such a policy holds the
	// apps that name it, see Holder, and neither Selector nor Apps say anything.
	Origin *Origin
}

// Origin is an object of another tool that says how changes reach clusters.
type Origin struct {
	Object string // as "AppProject argocd/shop"
	Field  string // of it, as spec.syncWindows
	// Rank says which of two objects of other tools decides, where both hold an app: the smaller.
	Rank int
}

// HasWaves says whether the policy holds changes back. One without waves only bounds deletions.
func (p Policy) HasWaves() bool { return len(p.Waves) > 0 }

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
	// Unwatched: the wave has passed a target as soon as it may take it, whatever becomes of it in clusters. It is for
	// policies that say when changes come, and nothing else.
	Unwatched bool
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

// Gate is a question to a Prometheus or to another server, in the words of Argo's AnalysisTemplate. The hub asks it;
// Step gets the answer as a GateResult.
type Gate struct {
	Name             string
	Address          string // of a Prometheus
	Credential       string // of the hub; "" for none
	Query            string
	Web              *Web // instead of a Prometheus
	Interval         time.Duration
	Count            int // that must succeed, one after the other
	SuccessCondition string
	FailureCondition string
	FailureLimit     int
}

// Web is a server whose answers are JSON.
type Web struct {
	URL, Method string
	Body        string // of a POST
	JSONPath    string // to the value, see hub/jsonpath; "" for the whole answer
	Credential  string // of the hub; "" for none
	Timeout     time.Duration
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

// HoldsApp says whether the policy holds an app in the clusters that it selects, by the app's name alone.
func (p Policy) HoldsApp(app string) bool {
	return p.Origin == nil && len(p.Apps) == 0 || slices.ContainsFunc(p.Apps, func(pattern string) bool {
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
