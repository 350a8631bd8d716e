package nats

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
	"github.com/drover-dev/drover/protocol"
)

const (
	never = time.Duration(math.MaxInt64)
	// wantedGap is the least time between renewals that somebody wants: an ask can be repeated by whoever runs the bus,
	// and a bundle that is sealed to nobody published again.
	wantedGap = time.Minute
	// dueGap is the least time between renewals that are due by the clock.
	dueGap = time.Hour
)

// errRenewed ends a connection whose credential was renewed: the next one is made with the new one.
var errRenewed = errors.New("the credential was renewed")

// Renew implements agent.Session.
func (s *Session) Renew() {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
}

// tend waits until the session is over, and renews its credential when that is due or wanted.
func (s *Session) tend(ctx context.Context, l *link) error {
	due := time.NewTimer(s.renewIn(l.cred))
	defer due.Stop()
	pause := backoff.Backoff{Min: time.Second, Max: 15 * time.Minute}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-l.lost:
			return l.LastError()
		case <-s.wanted:
			if s.hopeless == l.cred.JWT {
				continue
			}
			if left := time.Until(s.renewed.Add(wantedGap)); left > 0 {
				due.Reset(left)
				continue
			}
			s.renewed = time.Now()
		case <-due.C:
		}
		if s.c.Identity.Frozen() {
			due.Reset(never)
			continue
		}
		err := s.renew(ctx, l)
		switch {
		case err == nil:
			return errRenewed
		case errors.Is(err, agent.ErrLost):
			return err
		case isFinal(err):
			s.hopeless = l.cred.JWT
			s.say(fmt.Sprintf("the credential of cluster %s will not be renewed, and ends at %s: %v; run %s", l.cred.Cluster,
				l.cred.Expires.UTC().Format(time.RFC3339), err, replaceCommand(l.cred.Cluster)))
			due.Reset(never)
		case ctx.Err() == nil:
			s.c.Log.Warn("the credential is not renewed yet; retrying", "expires", l.cred.Expires, "err", err)
			due.Reset(pause.Next())
		}
	}
}

// renewIn is how long a credential is good: until two thirds of its life and a little more, so that those that were
// made together are not renewed together. A renewal that was begun is finished first.
func (s *Session) renewIn(c protocol.Credential) time.Duration {
	switch {
	case s.hopeless == c.JWT:
		return never
	case s.c.Identity.Renewing():
		return 0
	}
	return dueIn(c, time.Now(), s.granted)
}

// dueIn is renewIn without the session's state. granted is when this process was granted its last credential; zero if
// it was granted none.
//
// The dates are the hub's, and the clock here may be wrong. If it is behind, the credential would end first: it is
// renewed after two thirds of its life from now at the latest. If it is ahead, every new credential would be due at
// once: one is renewed every dueGap at most.
func dueIn(c protocol.Credential, now, granted time.Time) time.Duration {
	at := protocol.RenewAt(c.Issued, c.Expires)
	if at.IsZero() {
		return never
	}
	life := at.Sub(c.Issued)
	spread := c.Expires.Sub(at) / 10
	if spread > 0 {
		spread = rand.N(spread)
	}
	left := min(at.Sub(now), life) + spread
	if !granted.IsZero() {
		left = max(left, granted.Add(min(life/2, dueGap)).Sub(now))
	}
	return left
}

// renew has new keys granted in place of those of the link's credential.
func (s *Session) renew(ctx context.Context, l *link) error {
	id := s.c.Identity
	begun := id.Renewing()
	keys, err := id.Prepare(ctx, "", newKeys)
	if err != nil {
		return fmt.Errorf("the keys of the next credential cannot be stored, so it is not asked for yet: %w", err)
	}
	trust := id.Credential().Trust
	grant, err := exchange(ctx, l.Conn, asking{protocol.RenewSubject(l.cred.Cluster), l.cred.Cluster, id.UID(), id.Epoch()}, keys,
		l.key, trust.SigningKeys())
	if isFinal(err) && begun { // it may be the keys: granted long ago, the answer lost, and revoked since
		return errors.Join(id.Forget(ctx), fmt.Errorf("it is asked for with other keys: %v", err))
	}
	if err != nil {
		return err
	}
	if err := id.Accept(ctx, grant, trust, ""); err != nil {
		return fmt.Errorf("the next credential was granted but cannot be stored; it is asked for again: %w", err)
	}
	select {
	case <-s.wanted: // that is done, too
	default:
	}
	s.granted = time.Now()
	s.c.Log.Info("the credential was renewed", "expires", grant.Expires)
	return nil
}

// ask does what the hub asks for, or has it done.
func (s *Session) ask(sealed []byte, fetch func(), asked func(protocol.Ask)) {
	id := s.c.Identity
	cred := id.Credential()
	envelope, err := id.Unseal(sealed)
	var a protocol.Ask
	if err == nil {
		a, err = protocol.VerifyMessage[protocol.Ask](envelope, cred.Cluster, cred.SigningKeys())
	}
	if err == nil {
		err = s.heard.take(a, id.Epoch(), cred.Issued, time.Now())
	}
	switch {
	case err != nil && s.forged.CompareAndSwap(false, true): // once: who sends one can send many
		s.c.Log.Warn("something was asked of this agent that its hub does not ask now; it is ignored, and more of it is not logged", "err", err)
	case err != nil:
	case a.Kind == protocol.AskRenew:
		s.Renew()
	case a.Kind == protocol.AskFetch:
		fetch()
		asked(a) // to report again
	default:
		asked(a)
	}
}

// say keeps what Trouble tells, and logs it if it is news.
func (s *Session) say(trouble string) {
	if before := s.trouble.Swap(&trouble); trouble != "" && (before == nil || *before != trouble) {
		s.c.Log.Error(trouble)
	}
}

// refusedText says what to do when the servers refuse the credential itself.
func refusedText(c protocol.Credential, now time.Time) string {
	why := "is refused by the hub's NATS server: it was revoked or replaced, or the hub's own keys are others now"
	if !c.Expires.IsZero() && now.After(c.Expires) {
		why = "expired at " + c.Expires.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("the credential of cluster %s %s; the cluster is kept as it is. To let it join again, run %s", c.Cluster, why, replaceCommand(c.Cluster))
}

func replaceCommand(cluster string) string {
	return "`drover agent manifest --cluster " + cluster + " --replace | kubectl apply -f -`"
}
