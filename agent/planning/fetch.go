package planning

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/input"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Fetch is how far an app has come to its blob.
type Fetch struct {
	Fetching string     // why its blob is not here yet
	Unfit    fleet.Fact // why it cannot be used
	Lacks    string     // which of its inputs is not there
	Spare    Spare
	stop     func() // stops the fetching of a blob; nil if none was begun
}

// Arrived is for a blob of which a plan was made.
func (f *Fetch) Arrived() { f.Fetching, f.Unfit, f.Lacks = "", fleet.Fact{}, "" }

// Stop stops the fetching of a blob.
func (f *Fetch) Stop() {
	if f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

// Missing notes why the blob of an app is not here: it cannot be fetched, or it cannot be used.
func (f *Fetch) Missing(err error) {
	f.Fetching, f.Unfit = "", fleet.Fact{}
	var gone *input.Lacking
	if errors.As(err, &gone) {
		f.Lacks = err.Error()
		return
	}
	if errors.Is(err, agent.ErrOffline) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		f.Fetching = fmt.Sprintf("its objects were not received from the hub yet: %v; retrying, and keeping the last "+
			"applied version", err)
		return
	}
	f.Unfit = owned.Fact(owned.CodeOf(err, protocol.ReasonContentUnusable),
		fmt.Sprintf("its objects cannot be used: %v; keeping the last applied version", err))
}

// Begin stops the fetching that was begun before, if any, and gives the context of another one.
func (f *Fetch) Begin(ctx context.Context) (context.Context, context.CancelFunc) {
	f.Stop()
	ctx, stop := context.WithCancel(ctx)
	f.stop = stop
	return ctx, stop
}

// Reset ends the waiting for a blob. unfit says why this agent must not handle the app; "" if it may.
func (f *Fetch) Reset(unfit string) {
	f.Fetching, f.Unfit = "", owned.Fact(protocol.ReasonAgentTooOld, unfit)
}
