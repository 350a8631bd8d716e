package rollouts

import (
	"errors"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/people"
)

// Action is what a person has a rollout do.
type Action string

// The actions.
const (
	Approve  Action = "approve"  // lets a wave begin with a target
	Skip     Action = "skip"     // has a wave count a target as passed
	Halt     Action = "halt"     // stops releases, of a wave or of all
	Resume   Action = "resume"   // ends halts, or takes a failed target for good again
	Expedite Action = "expedite" // has all waves take a target at once
	Rollback Action = "rollback" // takes a target back
	Pin      Action = "pin"      // holds a cluster at what it has
	Unpin    Action = "unpin"
	Revert   Action = "revert" // pushes a revert in Git
	Freeze   Action = "freeze" // stops releases to all clusters, whatever their policies
	Unfreeze Action = "unfreeze"
)

// Order is a decision of a person.
type Order struct {
	Action  Action `json:"action"`
	Policy  string `json:"policy"`
	Wave    string `json:"wave,omitempty"`
	Target  string `json:"target,omitempty"` // id, or the beginning of it; "" for the one that is meant by itself
	Cluster string `json:"cluster,omitempty"`
	// Selector stands for Cluster, for a Pin: all clusters of the policy that it selects.
	Selector string    `json:"selector,omitempty"`
	To       string    `json:"to,omitempty"` // of a Pin, and a Revert: the revision to go back to, or its beginning
	Apps     []string  `json:"apps,omitempty"`
	Until    time.Time `json:"until,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`

	Who people.Who `json:"-"` // as the hub knows it; a client cannot say it
}

// tooLong says whether a part of an order is longer than it may be.
func (o Order) tooLong() bool {
	return len(o.Reason) > maxReason || len(o.By) > maxBy || len(o.Apps) > maxOrders || len(o.Selector) > maxReason ||
		len(o.To) > maxBy || slices.ContainsFunc(o.Apps, func(app string) bool { return len(app) > maxApp })
}

// Limits of an order.
const (
	maxReason = 1 << 10
	maxBy     = 256
	maxPin    = 90 * 24 * time.Hour
	maxApp    = 512  // characters of an app's key
	maxOrders = 1000 // of one kind that are in force at once, of one policy
)

// ErrNoRollout says that there is no policy of a name.
var ErrNoRollout = errors.New("there is no such RolloutPolicy")

// ErrRefused says that a decision was not taken; its text says why.
var ErrRefused = errors.New("not done")

// checkEnd says what is wrong with when a pin ends.
func checkEnd(now, until time.Time) error {
	if !until.After(now) || until.After(now.Add(maxPin)) {
		return errors.New("a pin needs an end, 90 days away at most: --until TIME")
	}
	return nil
}
