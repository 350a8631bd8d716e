package identity

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/protocol"
)

// DefaultTTL is how long a credential is good for, where nobody says otherwise.
const DefaultTTL = 30 * 24 * time.Hour

// Settings are to be set before Identities are used.
type Settings struct {
	TTL time.Duration // of credentials
	Log *slog.Logger
}

// peek reads the payload of an envelope that nobody has verified yet.
func peek[M any](envelope []byte) (m M) {
	var e protocol.Envelope
	if json.Unmarshal(envelope, &e) == nil {
		_ = json.Unmarshal(e.Payload, &m) // what cannot be read will not be verified either
	}
	return m
}

// publicKey is the ed25519 key behind a public NATS user key.
func publicKey(user string) (ed25519.PublicKey, error) {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(user))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%.80q is no public NATS user key", user)
	}
	return raw, nil
}

// checkOpenKey says why nothing can be sealed to a public key.
func checkOpenKey(key []byte) error {
	_, err := protocol.Seal(key, "", nil)
	return err
}

// date is how messages give a time.
func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
