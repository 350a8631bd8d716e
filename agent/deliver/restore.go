package deliver

import (
	"context"
	"fmt"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/internal/version"
	"github.com/drover-dev/drover/protocol"
)

// restore takes up what is stored: the bundle, if it still verifies, and every app with what it owns. From here on
// drift is healed, with or without a hub.
func (s *session) restore(ctx context.Context, st agent.Stored) {
	var bundle *protocol.Bundle
	if st.Envelope != nil {
		who := s.Who.Credential()
		b, err := protocol.VerifyBundle(st.Envelope, who.Cluster, who.SigningKeys())
		if err != nil {
			st.Damaged = append(st.Damaged, agent.Damage{Err: fmt.Errorf("the accepted bundle: %w", err)})
		} else {
			bundle = &b
		}
	}
	message := ""
	for _, d := range st.Damaged {
		message += d.Err.Error() + "; "
	}
	if message != "" {
		s.Damaged = true
		message += "what it held is unknown, so nothing of it is taken back or deleted: the next bundle replaces it, and " +
			"what nothing wants is searched for"
		s.Log.Warn("a part of the agent's state cannot be read", "err", message)
		s.Notes.With(func() { s.Notes.Message = message })
	}
	for _, a := range st.Apps {
		s.shown.Learn(a.Spec.Declared)
	}
	renamed := 0
	st.Apps, renamed = s.rename(ctx, st.Apps, bundle)
	s.search = s.resumeSearch(ctx, st, bundle)
	for _, a := range st.Apps {
		s.restoreApp(ctx, a)
	}
	uncounted := s.Uncounted()
	if bundle != nil {
		for _, a := range s.take(s.restoreKnown(st.Envelope, *bundle), func(_ *app.App, f func()) { f() }) {
			a.Fetcher.Obtain(bundle.Generation, agent.ErrOffline)
		}
	}
	s.begin(func() {
		for _, a := range uncounted {
			if bundle != nil {
				a.Succeed(bundle.Deletions)
			}
		}
	})
	if s.search != nil {
		s.Crew.Start(func() { s.search.Run(ctx) })
	}
	s.journal.Record(protocol.Event{Kind: protocol.EventStarted,
		Message: fmt.Sprintf("agent %s took charge with generation %d and %s%s",
			version.String(), s.InForce().Bundle.Generation, phrase.Count(s.Objects.Len(), "object"), goneOn(renamed))})
	s.Crew.Start(func() { s.WatchAll(ctx) })
	s.version.Reconsider()
	s.Crew.Start(func() { s.version.Run(ctx, s.versionFacts, s.sayVersion) })
	s.Out.Changed(false)
}

// goneOn tells how many apps go on under other names.
func goneOn(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s under other names than before, with all that was stored of them", phrase.Count(n, "app"))
}

// begin starts the apps' goroutines. Until then this goroutine alone has what is restored of them. settled is called
// when every object has one owner.
func (s *session) begin(settled func()) {
	apps := s.Board.All()
	tell := func() {
		for _, a := range apps {
			s.Board.Tell(a, a.Summarize())
		}
	}
	tell()
	s.settleOwners(apps)
	settled()
	for _, a := range apps {
		a.SteerAsPlanned()
	}
	tell()
	for _, a := range apps {
		for _, o := range a.Own {
			if o.Item.Scaled {
				s.Scaling.Follow(o.Item.Ref.Namespace)
			}
		}
		a.Resume()
	}
	for _, a := range apps {
		a.Start(s.Life)
		a.Post(a.RelabelHooks)
	}
}

// restoreApp makes an app of what is stored of it.
func (s *session) restoreApp(ctx context.Context, st agent.AppState) {
	a := s.NewApp(st.Spec.Name)
	a.Restore(ctx, st)
	s.Board.Add(a, st.Spec)
	s.Board.Raise(st.Epoch, st.Generation)
	s.Who.Reach(st.Epoch)
}

// settleOwners gives each stored object one owner, where a crash left it in two inventories, and makes sure that every
// object that a plan wants has one.
func (s *session) settleOwners(apps []*app.App) {
	sets := make([]*owned.Set, len(apps))
	for i, a := range apps {
		sets[i] = &a.Set
	}
	owned.SettleOwners(sets)
	for _, a := range apps {
		for ref, o := range a.ByRef {
			o.Claim = s.Objects.Claim(a.Name, ref, nil).Number
			s.Watches.Track(ref)
		}
	}
	for _, a := range apps {
		a.AdoptMissing()
	}
}

// restoreKnown takes up what stayed in force beside the stored bundle, and gives that bundle with the flags in force.
func (s *session) restoreKnown(envelope []byte, b protocol.Bundle) protocol.Bundle {
	b, specs := orders.RestoreKnown(envelope, b)
	for _, spec := range specs {
		a := s.Board.App(spec.Name)
		if a == nil {
			a = s.NewApp(spec.Name)
		}
		a.Spec = spec
		s.Board.Add(a, spec)
	}
	return b
}
