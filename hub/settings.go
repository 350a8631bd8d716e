package hub

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/model"
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
	Gates      Gates                // nil if nobody asks metrics
	// Condition says whether a gate's condition holds of the values of an answer. An error says that nobody can say.
	Condition func(expression string, values []float64) (bool, error)
	Log       *slog.Logger
}

// Gates asks metrics for the gates of rollouts. It is safe for concurrent use.
type Gates interface {
	// Ask gives the values of an answer; none is no data. An error says why there is no answer.
	Ask(ctx context.Context, g rollout.Gate, query string) ([]float64, error)
}
