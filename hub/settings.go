package hub

import (
	"crypto/ed25519"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/rollouts"
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
	Gates      rollouts.Metrics     // of RolloutPolicies; nil if nobody asks them
	Condition  rollouts.Condition   // of gates
	Log        *slog.Logger
}

// Policies reads what is declared for many clusters.
type Policies interface {
	// Policy reads an object that is a RolloutPolicy; is says whether it is one. An error says what is wrong with it.
	Policy(o model.Rendered) (p rollout.Policy, is bool, err error)
}
