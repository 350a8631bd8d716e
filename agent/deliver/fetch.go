package deliver

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

// fetch is how far an app has come to its blob.
type fetch struct {
	fetching    string     // why its blob is not here yet
	unfit       fleet.Fact // why it cannot be used
	lacks       string     // which of its inputs is not there
	stopGet     func()     // stops the fetching of a blob; nil if none was begun
	spare       []byte     // what is stored of a blob that no plan could be made of, packed; its digest
	spareDigest string
}

// arrived is for a blob of which a plan was made.
func (f *fetch) arrived() { f.fetching, f.unfit, f.lacks = "", fleet.Fact{}, "" }

// stop stops the fetching of a blob.
func (f *fetch) stop() {
	if f.stopGet != nil {
		f.stopGet()
		f.stopGet = nil
	}
}

// missing notes why the blob of an app is not here: it cannot be fetched, or it cannot be used.
func (f *fetch) missing(err error) {
	f.fetching, f.unfit = "", fleet.Fact{}
	var gone *input.Lacking
	if errors.As(err, &gone) {
		f.lacks = err.Error()
		return
	}
	if errors.Is(err, agent.ErrOffline) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		f.fetching = fmt.Sprintf("its objects were not received from the hub yet: %v; retrying, and keeping the last "+
			"applied version", err)
		return
	}
	f.unfit = owned.Fact(owned.CodeOf(err, protocol.ReasonContentUnusable),
		fmt.Sprintf("its objects cannot be used: %v; keeping the last applied version", err))
}
