package hub

import (
	"context"
	"errors"

	"github.com/drover-dev/drover/hub/epoch"
	"github.com/drover-dev/drover/protocol"
)

// ErrStandsBack says that this hub does not act for the fleet now: another hub does, or a newer epoch is in force.
var ErrStandsBack = errors.New("this hub stands back and does nothing for the fleet now, see `drover status`")

// ErrUnmet says that the bus was away, and that other hubs have to be asked for before anything is published again.
var ErrUnmet = errors.New("the bus was away, and other hubs have not been asked for since")

// Peers are the other hubs of the fleet on the bus.
type Peers interface {
	// Meet gives the other hubs that answer now. From then on other hubs are answered with self.
	Meet(ctx context.Context, self protocol.Presence) ([]protocol.Presence, error)
	// Serve says whether this hub acts for the fleet: answers requests for credentials, asks agents, has credentials
	// cut off, and makes buckets. Before the first call it does not. epoch is that of what it publishes, and goes into
	// grants and asks.
	Serve(yes bool, epoch uint64)
	// Alone says whether the bus is part of this process, so that nobody has to be waited for.
	Alone() bool
}

// Lead is what a hub remembers of its place among the hubs of the fleet.
type Lead = epoch.Lead

// Leads is where a hub remembers its Lead.
type Leads interface {
	// Lead is what was saved last; known is false if nothing was.
	Lead() (lead Lead, known bool, err error)
	SaveLead(Lead) error
}
