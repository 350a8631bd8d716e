package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// errKnown says that a bundle is the one that is in force.
var errKnown = errors.New("it is in force already")

// check says whether a verified bundle may be accepted after what was accepted before. Bundles are ordered by their
// epoch, and those of one epoch by their generation: a hub that another one has taken over from can do no harm.
func (a accepted) check(b protocol.Bundle) error {
	switch {
	case b.Epoch == 0 && a.epoch > 0:
		return fmt.Errorf("%w: it has no epoch, and a bundle of epoch %d was accepted: a hub of an older release publishes; "+
			"start the newer one again, or go back to that release with the agent as well (docs/upgrading.md)",
			protocol.ErrSuperseded, a.epoch)
	case b.Epoch < a.epoch:
		return fmt.Errorf("%w: it has epoch %d, and a bundle of epoch %d was accepted: a hub that another one has taken over "+
			"from still publishes; stop it, or let it take over with `drover hub --take-over`",
			protocol.ErrSuperseded, b.Epoch, a.epoch)
	case a.known && b.Epoch > a.epoch+protocol.MaxEpochStep, a.known && b.Epoch == a.epoch && b.Generation > a.floor+protocol.MaxGenerationStep:
		return fmt.Errorf("its number %d/%d (epoch/generation) is out of all proportion to %d/%d, which was accepted: a hub that does so may "+
			"be in other hands; see which hubs publish", b.Epoch, b.Generation, a.epoch, a.floor)
	case b.Epoch > a.epoch:
		return nil
	case b.Generation < a.floor:
		return fmt.Errorf("%w: it has generation %d, and %d was accepted", protocol.ErrSuperseded, b.Generation, a.floor)
	case !a.known || b.Generation > a.floor:
		return nil
	case b.Digest() == a.digest:
		return errKnown
	}
	return fmt.Errorf("it differs from the bundle of the same generation %d that was accepted: two hubs may be publishing for this cluster", b.Generation)
}

// receive accepts a bundle or refuses it.
func (s *session) receive(ctx context.Context, sealed []byte) {
	since := time.Now()
	envelope, b, err := s.who.Open(sealed)
	s.mu.Lock()
	before, beside := s.accepted, s.knownBeside(b)
	s.mu.Unlock()
	if err == nil {
		err = before.check(b)
	}
	switch {
	case errors.Is(err, errKnown):
		s.trustAgain()
		return
	case err != nil:
		s.refuse(b, err)
		if errors.Is(err, protocol.ErrNotSealed) {
			s.bus.Renew() // the hub learns of the new key, and seals to that
		}
		return
	}
	if s.elsewhere(ctx, b) {
		return
	}
	doubt, err := s.keep(ctx, beside.with(envelope), b)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.refused, s.message = nil, doubt
	s.accepted.bundle = withKnownFlags(b, before)
	s.emit(protocol.Event{Kind: protocol.EventAccepted, Revision: b.Revision.Hash, Message: fmt.Sprintf("generation %d with %s%s", b.Generation, phrase.Count(len(b.Apps), "app"), incomplete(b))})
	s.mu.Unlock()
	s.version.Reconsider()
	s.adopt(ctx, b, since)
	s.out.Changed(false)
}

func incomplete(b protocol.Bundle) string {
	if b.Incomplete == "" {
		return ""
	}
	return "; it is not complete (" + b.Incomplete + "), so no missing app is taken away"
}

// keep stores whom an accepted bundle says to trust, and its envelope, before anything is done about it. The trust goes
// first: a crash in between leaves nothing undone, because the bundle comes again. doubt says why the trust was not
// taken, if so.
func (s *session) keep(ctx context.Context, envelope []byte, b protocol.Bundle) (doubt string, err error) {
	if b.Trust != nil {
		if unfit := credential.CheckTrust(*b.Trust); unfit != nil {
			doubt = fmt.Sprintf("whom generation %d says to trust was not taken, and those trusted before are kept: %v", b.Generation, unfit)
			s.log.Warn("the bundle's trust is of no use and was not taken", "generation", b.Generation, "err", unfit)
		} else if err := s.persist(ctx, b.Generation, func() error { return s.who.Believe(ctx, *b.Trust) }); err != nil {
			return "", err
		}
	}
	return doubt, s.persist(ctx, b.Generation, func() error { return s.store.SaveBundle(ctx, envelope, b.Generation) })
}

// persist has something of an accepted bundle saved. It goes on trying: what cannot be stored must not be acted on.
func (s *session) persist(ctx context.Context, generation uint64, save func() error) error {
	pause := newTrouble().pause
	for {
		err := save()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, agent.ErrLost):
			s.end(err)
			return err
		case ctx.Err() != nil:
			return err
		}
		s.mu.Lock()
		s.message = fmt.Sprintf("generation %d was accepted but cannot be stored: %v", generation, err)
		s.mu.Unlock()
		s.out.Changed(true)
		s.log.Warn("the accepted bundle cannot be stored; it is tried again by itself", "generation", generation, "err", err)
		if err := pause.Wait(ctx, nil); err != nil {
			return err
		}
	}
}

// trustAgain takes a refusal back when the hub is seen to offer what is in force.
func (s *session) trustAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil {
		s.refused = nil
		s.out.Changed(true)
	}
}

// refuse notes that a bundle was refused, and why. Nothing else changes.
func (s *session) refuse(b protocol.Bundle, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil && s.refused.Reason == err.Error() {
		return // the same again, as after every connecting
	}
	s.refused = &protocol.Refusal{Time: time.Now(), Generation: b.Generation, Reason: err.Error()}
	s.emit(protocol.Event{Kind: protocol.EventRefused, Revision: b.Revision.Hash, Message: err.Error()})
	s.out.Changed(true)
}
