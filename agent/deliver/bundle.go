package deliver

import (
	"context"
	"time"

	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/mailbox"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/plan"
	"github.com/drover-dev/drover/agent/planning"
	"github.com/drover-dev/drover/protocol"
)

// serve takes bundles one after the other, the newest first, until ctx is done.
func (s *session) serve(ctx context.Context, box *mailbox.Newest) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-box.Full:
			if sealed := box.Take(); sealed != nil {
				s.receive(ctx, sealed)
			}
		}
	}
}

// receive accepts a bundle or refuses it, and puts an accepted one into force.
func (s *session) receive(ctx context.Context, sealed []byte) {
	since := time.Now()
	if b, ok := s.accept.accept(ctx, sealed); ok && !s.renames(b) {
		s.adopt(ctx, b, since)
		s.Out.Changed(false)
	}
}

// adopt puts an accepted bundle into force: the flags at once, the blobs as they come.
func (s *session) adopt(ctx context.Context, b protocol.Bundle, since time.Time) {
	changed := s.take(b, func(a *app.App, f func()) {
		a.Start(s.Life)
		a.Do(f)
	})
	s.version.Reconsider()
	s.Watches.Rejudge()
	apps, wants := map[string]*app.App{}, make([]planning.Want, len(changed))
	for i, a := range changed {
		a.Do(func() { wants[i] = a.Fetcher.Source(b.Generation, since) })
		apps[a.Name] = a
	}
	plans, missing := s.Plans.Gather(ctx, wants)
	for name, err := range missing {
		apps[name].Do(func() { apps[name].Fetcher.Obtain(b.Generation, err) })
	}
	coming := map[*app.App]*plan.Plan{}
	for name, p := range plans {
		coming[apps[name]] = p
	}
	s.Board.Deliver(coming)
	for a, p := range coming {
		a.Do(func() { a.Fetcher.Deliver(p) })
	}
	s.TellAll((*app.App).Kick)
}

// take puts the flags of a bundle into force, and gives the apps that need another blob. What it asks of all apps is
// known before any of them does it. tell has an app do something.
func (s *session) take(b protocol.Bundle, tell func(*app.App, func())) (changed []*app.App) {
	for _, a := range b.Apps {
		s.shown.Learn(a.Declared)
	}
	acc := orders.Accepted{Digest: b.Digest(), Epoch: b.Epoch, Floor: b.Generation, Known: true}
	acc.Bundle = orders.WithKnownFlags(b, s.InForce())
	s.Who.Reach(b.Epoch)
	all := orders.Of(b, s.Board.Orders())
	list, seq := s.Board.Command(acc, all, s.NewApp)
	for _, a := range list {
		o := all[a.Name]
		tell(a, func() {
			if a.Obey(acc, seq, o) {
				changed = append(changed, a)
			}
		})
	}
	s.StopUnusedInputs(all)
	s.Moved.Announce()
	return changed
}
