package nats

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"
)

// claimsTimeout is how long external servers may take to answer that they took new claims.
const claimsTimeout = 5 * time.Second

// Revoke cuts off the credentials of user keys on all servers, at once. External servers that cannot be reached learn
// of it when they can: the error says so.
func (b *Bus) Revoke(users []string) error {
	if b.server != nil {
		return b.server.Revoke(users)
	}
	if err := b.claim(b.system, users); err != nil {
		return fmt.Errorf("the hub gives the credential nothing any more, but connections that it has are not cut yet: %w; "+
			"it is tried again whenever the hub connects to NATS", err)
	}
	return nil
}

// remind tells external servers again who is revoked: one that was away, or began anew, would not know.
func (b *Bus) remind(c *natsgo.Conn) {
	if b.server != nil {
		return
	}
	if err := b.claim(c, b.ids.Revoked()); err != nil {
		b.log.Warn("the NATS servers have not been told which credentials are revoked; it is tried again at the next connect", "err", err)
	}
}

// claim gives external servers the accounts as they are now.
func (b *Bus) claim(c *natsgo.Conn, revoked []string) error {
	now, err := b.keys.claims(revoked)
	if err != nil {
		return err
	}
	for account, token := range map[string]string{now.system: now.systemJWT, now.account: now.accountJWT} {
		m, err := c.Request("$SYS.REQ.ACCOUNT."+account+".CLAIMS.UPDATE", []byte(token), claimsTimeout)
		if errors.Is(err, natsgo.ErrNoResponders) {
			return errors.New("the NATS servers take no new accounts: give them the resolver that `drover hub nats-config` prints")
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
			return fmt.Errorf("a NATS server refuses the account: %s: does it have the configuration that `drover hub nats-config` prints?",
				answer.Error.Description)
		}
	}
	return nil
}
