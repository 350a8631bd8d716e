package hub

import (
	"crypto/ed25519"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/audit"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/hub/rollouts/gate"
	"github.com/drover-dev/drover/protocol"
)

// Settings are what a Hub is made of. They are set before Run and not changed after.
type Settings struct {
	Repository string // for people: what Source reads, without credentials
	Source     model.Revisions
	Resolver   Resolving
	Sources    Following // of what apps take from elsewhere; nil if nothing follows sources
	Store      Store
	Bus        Bus
	Identities Identities
	Signers    []ed25519.PrivateKey // every one signs every bundle
	Trust      *protocol.Trust      // what clusters are told to trust, in their bundles
	Grace      time.Duration        // how long a blob that nothing names stays on the bus; 0 is ten minutes
	Peers      Peers                // other hubs on the bus; nil if there can be none
	Leads      Leads                // remembers the epoch; nil if there is none
	TakeOver   bool                 // a person said that this hub takes the fleet over, whichever other there is
	Silence    time.Duration        // see the constant; 0 means that
	Policies   Policies             // reads RolloutPolicies
	Gates      gate.Asking          // of RolloutPolicies
	Reverts    rollouts.Reverting   // of what failed; nil if this hub pushes nothing
	Journal    *audit.Journal       // of what is decided on releases; nil if none is kept
	Meter      Meter                // is told what is done; nil if nobody measures it
	Log        *slog.Logger
}

// Meter measures what a hub does. It is safe for concurrent use.
type Meter interface {
	// Resolved is told of a revision: how long it took until everything that changed was published, and how many bundles
	// that were.
	Resolved(took time.Duration, published int)
	// Heard is told how long ago the bus took a report that the hub takes in now.
	Heard(lag time.Duration)
}

// Policies reads what is declared for many clusters.
type Policies interface {
	// Policies reads the policies of an object: of a RolloutPolicy itself, or of another tool's object that says how
	// changes reach clusters. An error says what is wrong with it.
	Policies(o model.Rendered) ([]rollout.Policy, error)
}
