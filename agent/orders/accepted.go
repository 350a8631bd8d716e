package orders

import (
	"errors"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

// Accepted is the bundle in force.
type Accepted struct {
	Bundle protocol.Bundle
	Digest string
	Epoch  uint64 // bundles of epochs below are refused
	Floor  uint64 // and so are generations of this epoch below
	Known  bool   // there is a bundle
}

// Raise makes what a part of the state was made from the least that is accepted.
func (a *Accepted) Raise(epoch, generation uint64) {
	if agent.Order(epoch, generation, a.Epoch, a.Floor) > 0 {
		a.Epoch, a.Floor = epoch, generation
	}
}

// ErrKnown says that a bundle is the one that is in force.
var ErrKnown = errors.New("it is in force already")

// Check says whether a verified bundle may be accepted after what was accepted before. Bundles are ordered by their
// epoch, and those of one epoch by their generation: a hub that another one has taken over from can do no harm.
func (a Accepted) Check(b protocol.Bundle) error {
	switch {
	case b.Epoch == 0 && a.Epoch > 0:
		return fmt.Errorf("%w: it has no epoch, and a bundle of epoch %d was accepted: a hub of an older release publishes; "+
			"start the newer one again, or go back to that release with the agent as well (docs/upgrading.md)",
			protocol.ErrSuperseded, a.Epoch)
	case b.Epoch < a.Epoch:
		return fmt.Errorf("%w: it has epoch %d, and a bundle of epoch %d was accepted: a hub that another one has taken over "+
			"from still publishes; stop it, or let it take over with `drover hub --take-over`",
			protocol.ErrSuperseded, b.Epoch, a.Epoch)
	case a.Known && b.Epoch > a.Epoch+protocol.MaxEpochStep, a.Known && b.Epoch == a.Epoch && b.Generation > a.Floor+protocol.MaxGenerationStep:
		return fmt.Errorf("its number %d/%d (epoch/generation) is out of all proportion to %d/%d, which was accepted: a hub that does so may "+
			"be in other hands; see which hubs publish", b.Epoch, b.Generation, a.Epoch, a.Floor)
	case b.Epoch > a.Epoch:
		return nil
	case b.Generation < a.Floor:
		return fmt.Errorf("%w: it has generation %d, and %d was accepted", protocol.ErrSuperseded, b.Generation, a.Floor)
	case !a.Known || b.Generation > a.Floor:
		return nil
	case b.Digest() == a.Digest:
		return ErrKnown
	}
	return fmt.Errorf("it differs from the bundle of the same generation %d that was accepted: two hubs may be publishing for this cluster", b.Generation)
}
