package nats

import (
	"crypto/ed25519"
	"fmt"

	"github.com/drover-dev/drover/protocol"
)

// trust is whom an agent is told to believe, and where it finds the hub.
func (k *Keys) trust(servers []string) (protocol.Trust, error) {
	_, open, err := protocol.HubOpenKey(k.Secret)
	if err != nil {
		return protocol.Trust{}, fmt.Errorf("the key that agents seal their reports to: %w", err)
	}
	return protocol.Trust{Servers: servers, HubKeys: [][]byte{k.Signer.Public().(ed25519.PublicKey)}, HubOpen: open}, nil
}
