package keyring

import (
	"crypto/ed25519"
	"fmt"

	"github.com/drover-dev/drover/protocol"
)

// Trust is what agents are told to trust: servers are NATS URLs, ca the PEM of the authorities that their certificates
// come from, or empty for those that the agent's system knows.
func (k *Keys) Trust(servers []string, ca string) (protocol.Trust, error) {
	t := protocol.Trust{Servers: servers, CA: ca}
	for _, s := range k.Signers {
		t.HubKeys = append(t.HubKeys, s.Public().(ed25519.PublicKey))
	}
	_, open, err := protocol.HubOpenKey(k.Secret)
	if err != nil {
		return t, fmt.Errorf("the key that agents seal their reports to: %w", err)
	}
	t.HubOpen = open
	return t, nil
}
