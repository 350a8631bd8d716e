package deliver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// receive accepts a bundle or refuses it.
func (s *session) receive(ctx context.Context, sealed []byte) {
	since := time.Now()
	envelope, b, err := s.who.Open(sealed)
	before := s.inForce()
	beside := orders.KnownBeside(b, before, s.board.orders())
	if err == nil {
		err = before.Check(b)
	}
	switch {
	case errors.Is(err, orders.ErrKnown):
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
	doubt, err := s.keep(ctx, beside.With(envelope), b)
	if err != nil {
		return
	}
	s.notes.with(func() { s.notes.refused, s.notes.message = nil, doubt })
	s.emit(protocol.Event{Kind: protocol.EventAccepted, Generation: b.Generation, Revision: b.Revision.Hash,
		Message: fmt.Sprintf("generation %d with %s%s", b.Generation, phrase.Count(len(b.Apps), "app"), incomplete(b))})
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
	return s.insist(ctx, save, func(err error) {
		s.notes.with(func() {
			s.notes.message = fmt.Sprintf("generation %d was accepted but cannot be stored: %v", generation, err)
		})
		s.out.Changed(true)
		s.log.Warn("the accepted bundle cannot be stored; retrying", "generation", generation, "err", err)
	})
}

// insist has something saved, and retries until that worked. failed is told of every failure that is followed by a retry.
// The session ends if another agent has written the state.
func (s *session) insist(ctx context.Context, save func() error, failed func(error)) error {
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
		failed(err)
		if err := pause.Wait(ctx, nil); err != nil {
			return err
		}
	}
}

// trustAgain takes a refusal back when the hub is seen to offer what is in force.
func (s *session) trustAgain() {
	was := false
	s.notes.with(func() { was, s.notes.refused = s.notes.refused != nil, nil })
	if was {
		s.out.Changed(true)
	}
}

// refuse notes that a bundle was refused, and why. Nothing else changes.
func (s *session) refuse(b protocol.Bundle, err error) {
	same := false
	s.notes.with(func() {
		if same = s.notes.refused != nil && s.notes.refused.Reason == err.Error(); !same {
			s.notes.refused = &protocol.Refusal{Time: time.Now(), Generation: b.Generation, Reason: err.Error()}
		}
	})
	if same {
		return // as after every connecting
	}
	s.emit(protocol.Event{Kind: protocol.EventRefused, Revision: b.Revision.Hash, Message: err.Error()})
	s.out.Changed(true)
}
