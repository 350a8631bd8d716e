package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/app"
	"github.com/drover-dev/drover/agent/board"
	"github.com/drover-dev/drover/agent/credential"
	"github.com/drover-dev/drover/agent/orders"
	"github.com/drover-dev/drover/agent/owned"
	"github.com/drover-dev/drover/agent/place"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// acceptance decides which bundles are accepted. An accepted one is stored before it is acted on.
type acceptance struct {
	who     *credential.Identity
	bus     agent.Bus
	store   agent.Store
	board   *board.Board[*app.App]
	journal app.Journal
	notes   *app.Notes
	end     context.CancelCauseFunc // of the session
	log     *slog.Logger
}

// accept accepts a bundle or refuses it.
func (c *acceptance) accept(ctx context.Context, sealed []byte) (b protocol.Bundle, ok bool) {
	envelope, b, err := c.who.Open(sealed)
	before, _ := c.board.Current()
	beside := orders.KnownBeside(b, before, orders.Renamed(c.board.Orders(), b))
	if err == nil {
		err = before.Check(b)
	}
	switch {
	case errors.Is(err, orders.ErrKnown):
		c.trustAgain()
		return b, false
	case err != nil:
		c.refuse(b, err)
		if errors.Is(err, protocol.ErrNotSealed) {
			c.bus.Renew() // the hub learns of the new key, and seals to that
		}
		return b, false
	}
	if c.elsewhere(ctx, b) {
		return b, false
	}
	doubt, err := c.keep(ctx, beside.With(envelope), b)
	if err != nil {
		return b, false
	}
	c.notes.With(func() { c.notes.Refused, c.notes.Message = nil, doubt })
	c.journal.Record(protocol.Event{Kind: protocol.EventAccepted, Generation: b.Generation, Revision: b.Revision.Hash,
		Message: fmt.Sprintf("generation %d with %s%s", b.Generation, phrase.Count(len(b.Apps), "app"), incomplete(b))})
	return b, true
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
func (c *acceptance) keep(ctx context.Context, envelope []byte, b protocol.Bundle) (doubt string, err error) {
	if b.Trust != nil {
		if unfit := credential.CheckTrust(*b.Trust); unfit != nil {
			doubt = fmt.Sprintf("whom generation %d says to trust was not taken, and those trusted before are kept: %v",
				b.Generation, unfit)
			c.log.Warn("the bundle's trust is of no use and was not taken", "generation", b.Generation, "err", unfit)
		} else if err := c.persist(ctx, b.Generation, func() error { return c.who.Believe(ctx, *b.Trust) }); err != nil {
			return "", err
		}
	}
	return doubt, c.persist(ctx, b.Generation, func() error { return c.store.SaveBundle(ctx, envelope, b.Generation) })
}

// persist has something of an accepted bundle saved. It goes on trying: what cannot be stored must not be acted on.
func (c *acceptance) persist(ctx context.Context, generation uint64, save func() error) error {
	return c.insist(ctx, save, func(err error) {
		c.notes.With(func() {
			c.notes.Message = fmt.Sprintf("generation %d was accepted but cannot be stored: %v", generation, err)
		})
		c.journal.Changed(true)
		c.log.Warn("the accepted bundle cannot be stored; retrying", "generation", generation, "err", err)
	})
}

// insist has something saved, and retries until that worked. failed is told of every failure that is followed by a
// retry. The session ends if another agent has written the state.
func (c *acceptance) insist(ctx context.Context, save func() error, failed func(error)) error {
	pause := owned.NewTrouble().Pause
	for {
		err := save()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, agent.ErrLost):
			c.end(err)
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
func (c *acceptance) trustAgain() {
	was := false
	c.notes.With(func() { was, c.notes.Refused = c.notes.Refused != nil, nil })
	if was {
		c.journal.Changed(true)
	}
}

// refuse notes that a bundle was refused, and why. Nothing else changes.
func (c *acceptance) refuse(b protocol.Bundle, err error) {
	same := false
	c.notes.With(func() {
		if same = c.notes.Refused != nil && c.notes.Refused.Reason == err.Error(); !same {
			c.notes.Refused = &protocol.Refusal{Time: time.Now(), Generation: b.Generation, Reason: err.Error()}
		}
	})
	if same {
		return // as after every connecting
	}
	c.journal.Record(protocol.Event{Kind: protocol.EventRefused, Revision: b.Revision.Hash, Message: err.Error()})
	c.journal.Changed(true)
}

// elsewhere ends the session if a bundle that is newer than all before is for another cluster.
func (c *acceptance) elsewhere(ctx context.Context, b protocol.Bundle) bool {
	here := c.who.UID()
	if here == "" || b.ClusterUID == "" || b.ClusterUID == here {
		return false
	}
	c.log.Error("the hub's bundle is for another cluster: applying nothing", "uid", b.ClusterUID, "here", here,
		"generation", b.Generation)
	if c.persist(ctx, b.Generation, func() error {
		return c.who.Settle(ctx, protocol.Place{UID: b.ClusterUID, Epoch: b.Epoch, Generation: b.Generation})
	}) == nil {
		c.end(place.ErrDecided)
	}
	return true
}
