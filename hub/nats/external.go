package nats

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/internal/backoff"
)

const (
	// claimsTimeout is how long external servers may take to answer that they took new claims.
	claimsTimeout = 3 * time.Second
	// awayTimeout is how long the hub may take to find another server after it has lost the one that it asked. A TLS
	// handshake with each takes seconds where all of them are busy.
	awayTimeout = 15 * time.Second
)

// Revoke cuts users off on all servers, at once. External servers that cannot be reached learn
// of it when they can: the error says so. A hub that does not act for the fleet tells nobody: what it remembers may
// be older than what another hub has revoked, and would let that in again.
func (b *Bus) Revoke(users []string) error {
	if !b.serving.Load() {
		return nil
	}
	if b.server != nil {
		return b.server.Revoke(users)
	}
	b.claiming.Lock()
	defer b.claiming.Unlock()
	if err := b.claim(users); err != nil {
		return fmt.Errorf("the hub gives the credential nothing any more, but connections that it has are not cut yet: %w; "+
			"it is tried again when the hub connects to NATS", err)
	}
	return nil
}

// serverSilence is how long a server says nothing before it counts as away: it sends its statistics every ten seconds.
const serverSilence = 25 * time.Second

// watchServers tells external servers who is revoked whenever one of them may have missed it: it appeared, or was away
// for a while, or a leaf node found back to the others. What it has to tell may have been missed too, so the hub asks
// who is connected there. The same is done whenever the hub connects (see Connect).
func (b *Bus) watchServers() error {
	seen := map[string]time.Time{} // by the server's id, which is another one after each start
	_, err := b.system.Subscribe("$SYS.SERVER.*.STATSZ", func(m *natsgo.Msg) {
		id, now := strings.Split(m.Subject, ".")[2], time.Now()
		if now.Sub(seen[id]) > serverSilence {
			b.returned()
		}
		seen[id] = now
		maps.DeleteFunc(seen, func(_ string, last time.Time) bool { return now.Sub(last) > serverSilence })
	})
	if err == nil {
		_, err = b.system.Subscribe("$SYS.ACCOUNT.*.LEAFNODE.CONNECT", func(*natsgo.Msg) { b.returned() })
	}
	go b.tellOnReturn()
	return err
}

// reminders are the pauses after which servers that were found are told again: a leaf node is announced before the
// others have heard what it subscribes to, and what is sent to it between the two is lost.
var reminders = []time.Duration{time.Second, 4 * time.Second, 15 * time.Second}

// tellOnReturn tells external servers who is revoked whenever one was found, until the bus is closed.
func (b *Bus) tellOnReturn() {
	var left []time.Duration
	for {
		var again <-chan time.Time
		if len(left) > 0 {
			again, left = time.After(left[0]), left[1:]
		}
		select {
		case <-b.closed.Done():
			return
		case <-b.remind:
			left = reminders
		case <-again:
		}
		b.tell()
	}
}

// tell tells external servers who is revoked.
func (b *Bus) tell() {
	b.claiming.Lock()
	defer b.claiming.Unlock()
	if err := b.introduce(); err != nil && b.system.IsConnected() {
		b.log.Warn("the NATS servers have not been told of the hub's account; it is tried again when one of them, or "+
			"the hub, "+
			"connects", "err", err)
	}
	if !b.serving.Load() {
		return
	}
	if err := b.claim(b.ids.Revoked()); err != nil && b.system.IsConnected() {
		b.log.Warn("the NATS servers have not been told which credentials are revoked; it is tried again when one of "+
			"them, or the hub, "+
			"connects", "err", err)
	}
}

// returned notes that the hub and a server have found each other. Several at once are one.
func (b *Bus) returned() {
	b.wake()
	select {
	case b.remind <- struct{}{}:
	default:
	}
}

// claim gives external servers the accounts as they are now. b.claiming is held.
func (b *Bus) claim(revoked []string) error {
	if !b.retired {
		had, err := b.retire()
		if err != nil {
			return err
		}
		b.retired, b.relinks = true, b.relinks || had
	}
	now, err := b.keys.Claims(revoked)
	if err != nil {
		return err
	}
	for _, a := range [][2]string{{now.System, now.SystemJWT}, {now.Hub, now.HubJWT}, {now.Account, now.AccountJWT}} {
		if err := b.update(a[0], a[1]); err != nil {
			return err
		}
	}
	if b.relinks {
		if err := b.relink(); err != nil {
			return fmt.Errorf("have leaf nodes connect again: %w", err)
		}
		b.relinks = false
	}
	return nil
}

// introduce tells external servers of the hub's own account, which lists no revoked users, so that a hub can send it
// that does not act for the fleet, too. b.claiming is held.
func (b *Bus) introduce() error {
	now, err := b.keys.Claims(nil)
	if err != nil {
		return err
	}
	return b.update(now.Hub, now.HubJWT)
}

// request sends a request in the system account. The server that the hub is connected to may be the one that was lost:
// the request is repeated while the hub connects to another one.
func (b *Bus) request(subject string, data []byte) (*natsgo.Msg, error) {
	pause := backoff.Backoff{Min: 50 * time.Millisecond, Max: time.Second}
	for begin := time.Now(); ; {
		m, err := b.system.Request(subject, data, claimsTimeout)
		if !repeats(err, time.Since(begin)) {
			return m, err
		}
		if pause.Wait(b.closed, nil) != nil {
			return nil, err
		}
	}
}

// repeats says whether a request is made again that came to err, some time after it was made first: one without an
// answer,
// whose server was lost, and one that there is no server for at the moment, which takes longer.
func repeats(err error, since time.Duration) bool {
	switch {
	case errors.Is(err, natsgo.ErrTimeout):
		return since <= 2*claimsTimeout
	case errors.Is(err, natsgo.ErrReconnectBufExceeded):
		return since <= awayTimeout
	}
	return false
}

// update gives external servers one account as it is now.
func (b *Bus) update(account, token string) error {
	m, err := b.request("$SYS.REQ.ACCOUNT."+account+".CLAIMS.UPDATE", []byte(token))
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
			"nats-config` prints?",
			answer.Error.Description)
	}
	return nil
}
