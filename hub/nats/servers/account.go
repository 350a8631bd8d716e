package servers

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/internal/backoff"
)

const (
	// AnswerPatience is for how long a request that is not answered is repeated.
	AnswerPatience = 2 * claimsTimeout
	// claimsTimeout is how long external servers may take to answer that they took new claims.
	claimsTimeout = 3 * time.Second
	// awayTimeout is how long the hub may take to find another server after it has lost the one that it asked. A TLS
	// handshake with each takes seconds where all of them are busy.
	awayTimeout = 15 * time.Second
)

// claim gives external servers the accounts as they are now. s.claiming is held.
func (s *Servers) claim(revoked []string) error {
	if !s.retired {
		had, err := s.retire()
		if err != nil {
			return err
		}
		s.retired, s.relinks = true, s.relinks || had
	}
	now, err := s.o.Keys.Claims(revoked)
	if err != nil {
		return err
	}
	for _, a := range [][2]string{{now.System, now.SystemJWT}, {now.Hub, now.HubJWT}, {now.Account, now.AccountJWT}} {
		if err := s.update(a[0], a[1]); err != nil {
			return err
		}
	}
	if s.relinks {
		if err := s.relink(); err != nil {
			return fmt.Errorf("have leaf nodes connect again: %w", err)
		}
		s.relinks = false
	}
	return nil
}

// introduce tells external servers of the hub's own account, which lists no revoked users, so that a hub can send it
// that does not act for the fleet, too. s.claiming is held.
func (s *Servers) introduce() error {
	now, err := s.o.Keys.Claims(nil)
	if err != nil {
		return err
	}
	return s.update(now.Hub, now.HubJWT)
}

// request sends a request in the system account. The server that the hub is connected to may be the one that was lost:
// the request is repeated while the hub connects to another one.
func (s *Servers) request(subject string, data []byte) (*natsgo.Msg, error) {
	pause := backoff.Backoff{Min: 50 * time.Millisecond, Max: time.Second}
	for begin := time.Now(); ; {
		m, err := s.conn.Request(subject, data, claimsTimeout)
		if !repeats(err, time.Since(begin)) {
			return m, err
		}
		if pause.Wait(s.closed, nil) != nil {
			return nil, err
		}
	}
}

// repeats says whether a request is made again that came to err, some time after it was made first: one without an
// answer, whose server was lost, and one that there is no server for at the moment, which takes longer.
func repeats(err error, since time.Duration) bool {
	switch {
	case errors.Is(err, natsgo.ErrTimeout):
		return since <= AnswerPatience
	case errors.Is(err, natsgo.ErrReconnectBufExceeded):
		return since <= awayTimeout
	}
	return false
}

// update gives external servers one account as it is now.
func (s *Servers) update(account, token string) error {
	m, err := s.request("$SYS.REQ.ACCOUNT."+account+".CLAIMS.UPDATE", []byte(token))
	if errors.Is(err, natsgo.ErrNoResponders) {
		return errors.New("the NATS servers take no new accounts: give them the resolver that `drover hub " +
			"nats-config` prints")
	}
	if err != nil {
		return fmt.Errorf("tell the NATS servers: %w", err)
	}
	var answer struct {
		Error *struct{ Description string }
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return fmt.Errorf("what the NATS servers answer is no JSON: %w", err)
	}
	if answer.Error != nil {
		return fmt.Errorf("a NATS server refuses the account: %s: does it have the configuration that `drover hub "+
			"nats-config` prints?", answer.Error.Description)
	}
	return nil
}
