package agent

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// identity is who this agent is, and whom it believes.
type identity struct {
	protocol.Credential
	keys []ed25519.PublicKey
}

// open unseals and verifies a bundle.
func (id identity) open(sealed []byte) (envelope []byte, b protocol.Bundle, err error) {
	envelope, err = protocol.Unseal(id.OpenKey, id.Cluster, sealed)
	if err != nil {
		return nil, b, err
	}
	b, err = protocol.VerifyBundle(envelope, id.Cluster, id.keys)
	return envelope, b, err
}

// errKnown says that a bundle is the one that is in force.
var errKnown = errors.New("it is in force already")

// check says whether a verified bundle may be accepted after what was accepted before.
func (a accepted) check(b protocol.Bundle) error {
	switch {
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
	envelope, b, err := s.who.open(sealed)
	s.mu.Lock()
	before := s.accepted
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
		return
	}
	if err := s.keep(ctx, envelope, b); err != nil {
		return
	}
	s.mu.Lock()
	s.refused, s.message = nil, ""
	s.accepted.bundle = b
	s.emit(protocol.Event{Kind: protocol.EventAccepted, Revision: b.Revision.Hash, Message: fmt.Sprintf("generation %d with %s%s", b.Generation, count(len(b.Apps), "app"), incomplete(b))})
	s.mu.Unlock()
	s.adopt(ctx, b, since)
	s.out.changed(false)
}

func incomplete(b protocol.Bundle) string {
	if b.Incomplete == "" {
		return ""
	}
	return "; it is not complete (" + b.Incomplete + "), so no missing app is taken away"
}

// keep stores the accepted envelope before anything is done about it. It goes on trying: a bundle that cannot be
// stored must not be acted on.
func (s *session) keep(ctx context.Context, envelope []byte, b protocol.Bundle) error {
	pause := newTrouble().pause
	for {
		err := s.store.SaveBundle(ctx, envelope, b.Generation)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrLost):
			s.end(err)
			return err
		case ctx.Err() != nil:
			return err
		}
		s.mu.Lock()
		s.message = fmt.Sprintf("generation %d was accepted but cannot be stored: %v", b.Generation, err)
		s.mu.Unlock()
		s.out.changed(true)
		s.log.Warn("the accepted bundle cannot be stored; it is tried again by itself", "generation", b.Generation, "err", err)
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
		s.out.changed(true)
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
	s.out.changed(true)
}
