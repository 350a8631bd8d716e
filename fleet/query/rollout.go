package query

import (
	"time"

	"github.com/drover-dev/drover/fleet/selector"
)

// Rollout is how a RolloutPolicy stands.
type Rollout struct {
	Policy   string `json:"policy"`
	From     string `json:"from,omitempty"` // the object of another tool that it is read from; "" for a RolloutPolicy
	Gone     bool   `json:"gone,omitempty"` // Git has it no more; it ends when all of its clusters have what Git asks for
	Waves    []Wave `json:"waves"`          // in order
	Clusters int    `json:"clusters"`       // that it holds
	// Selects has all clusters that it holds, unless From says that another tool's object chooses them.
	Selects selector.Selector `json:"-"`
	// Behind are the clusters that have something else than Git asks for, sorted.
	Behind   []string         `json:"behind,omitempty"`
	Failures []RolloutFailure `json:"failures,omitempty"` // by cluster
	Bad      []BadTarget      `json:"bad,omitempty"`
	Reverts  []Revert         `json:"reverts,omitempty"` // by branch
	Stays    []Staying        `json:"stays,omitempty"`   // by cluster
	Pinned   []Pin            `json:"pinned,omitempty"`  // by cluster
	Halts    []Halt           `json:"halts,omitempty"`
	Unread   *Unread          `json:"unread,omitempty"`
}

// Unread is that what was decided cannot be read, so that nothing is released of it.
type Unread struct {
	Reason   string   `json:"reason"`             // as of a Wave
	Text     string   `json:"text"`               // what cannot be read, and what to do
	Clusters []string `json:"clusters,omitempty"` // for which alone it is so, sorted; none is that it is so for all
}

// Wave is how a wave of a policy stands.
type Wave struct {
	Name    string    `json:"name"`
	Target  string    `json:"target,omitempty"` // that it is at, would take next, or has passed last
	Subject string    `json:"subject,omitempty"`
	Reason  string    `json:"reason"` // what it does or waits for, one of those of package rollout
	Text    string    `json:"text"`   // the same for people
	Since   time.Time `json:"since,omitzero"`
	// Clusters of the wave that take part in Target, how many of them have settled, failed and are offline, and how
	// many may fail.
	Clusters int `json:"clusters"`
	Settled  int `json:"settled"`
	Failed   int `json:"failed"`
	Budget   int `json:"budget"`
	Offline  int `json:"offline"`
}

// RolloutFailure is a cluster that failed with a target.
type RolloutFailure struct {
	Cluster string    `json:"cluster"`
	Target  string    `json:"target"`
	Apps    []string  `json:"apps,omitempty"`
	Cause   string    `json:"cause"`
	Since   time.Time `json:"since,omitzero"`
	Back    bool      `json:"back,omitempty"` // it was given what it had before
}

// BadTarget is a target that no wave takes any more.
type BadTarget struct {
	Target  string    `json:"target"`
	Subject string    `json:"subject,omitempty"`
	Since   time.Time `json:"since"`
	Why     string    `json:"why"`
	Apps    []string  `json:"apps,omitempty"` // that are bad
}

// Revert is a revert that the hub pushes to a branch of its own, or has.
type Revert struct {
	Target string    `json:"target,omitempty"` // that it reverts; "" if a person named the commits
	Branch string    `json:"branch"`
	Commit string    `json:"commit,omitempty"` // on the branch, once it is there
	By     string    `json:"by,omitempty"`     // whose decision it is; "" for the policy's
	Text   string    `json:"text,omitempty"`   // why it is not there
	Tries  int       `json:"tries,omitempty"`
	Next   time.Time `json:"next,omitzero"`   // when it is tried again
	Ended  bool      `json:"ended,omitempty"` // nothing more is done
}

// Staying is a cluster in which nothing is taken back although it is bad.
type Staying struct {
	Cluster string   `json:"cluster"`
	Apps    []string `json:"apps"` // of which Git says that they are never taken back
}

// Pin holds a cluster at what it has, or had, until a time.
type Pin struct {
	Cluster  string    `json:"cluster"`
	Until    time.Time `json:"until"`
	Reason   string    `json:"reason,omitempty"`
	Revision string    `json:"revision,omitempty"` // that it is held at; "" is what it has
}

// Halt stops the releases of a wave, or of all of them if Wave is "".
type Halt struct {
	Wave   string    `json:"wave,omitempty"`
	Until  time.Time `json:"until,omitzero"` // zero for no end
	By     string    `json:"by,omitempty"`
	Reason string    `json:"reason,omitempty"`
}
