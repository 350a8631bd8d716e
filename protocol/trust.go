package protocol

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Trust is whom an agent talks to and believes. It comes with the join token, and later with grants and bundles that a
// key it already trusts has signed: so keys, certificates and addresses can change without any cluster joining again.
type Trust struct {
	Servers []string `json:"servers"`           // NATS URLs: tls:// or wss://, in the order of preference
	CA      string   `json:"ca,omitempty"`      // PEM of the authorities the servers' certificates come from; the system's, if empty
	HubKeys [][]byte `json:"hubKeys"`           // ed25519 public keys that may sign bundles, grants and asks
	HubOpen []byte   `json:"hubOpen,omitempty"` // X25519 public key that reports and events are sealed to
}

// Check says what is missing or wrong in t, which is part of what.
func (t Trust) Check(what string) error {
	if len(t.Servers) == 0 || len(t.HubKeys) == 0 {
		return fmt.Errorf("the %s names no servers or no hub keys: make a new one with `drover agent manifest`", what)
	}
	for _, k := range t.HubKeys {
		if len(k) != ed25519.PublicKeySize {
			return fmt.Errorf("the %s's hub key has %d bytes instead of %d", what, len(k), ed25519.PublicKeySize)
		}
	}
	if len(t.HubOpen) != 0 && len(t.HubOpen) != 32 {
		return fmt.Errorf("the %s's key for reports has %d bytes instead of 32", what, len(t.HubOpen))
	}
	return nil
}

// Equal says whether both trust the same.
func (t Trust) Equal(o Trust) bool {
	return slices.Equal(t.Servers, o.Servers) && t.CA == o.CA && slices.EqualFunc(t.HubKeys, o.HubKeys, slices.Equal) &&
		slices.Equal(t.HubOpen, o.HubOpen)
}

// ID names what is trusted: the first 16 hexadecimal digits of the sha256 of its JSON.
func (t Trust) ID() string {
	data, err := json.Marshal(t)
	if err != nil {
		panic("protocol: a trust that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// SigningKeys are HubKeys with their type.
func (t Trust) SigningKeys() []ed25519.PublicKey {
	out := make([]ed25519.PublicKey, len(t.HubKeys))
	for i, k := range t.HubKeys {
		out[i] = k
	}
	return out
}
