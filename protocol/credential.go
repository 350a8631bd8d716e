package protocol

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
)

// Credential is all that an agent needs to be the agent of one cluster. It is a secret.
type Credential struct {
	Version int      `json:"version"`
	Cluster string   `json:"cluster"`
	Servers []string `json:"servers"` // NATS URLs
	JWT     string   `json:"jwt"`     // NATS user JWT
	Seed    string   `json:"seed"`    // NATS user nkey seed
	OpenKey []byte   `json:"openKey"` // X25519 private key that opens this cluster's bundles
	HubKeys [][]byte `json:"hubKeys"` // ed25519 public keys that may sign them
}

// DecodeCredential reads a credential, and says what it lacks.
func DecodeCredential(data []byte) (Credential, error) {
	var c Credential
	err := json.Unmarshal(data, &c)
	if newer := checkVersion("credential", c.Version, "this program"); newer != nil {
		return Credential{}, newer
	}
	if err != nil {
		return Credential{}, fmt.Errorf("the credential cannot be read: %w", err)
	}
	if err := CheckName(c.Cluster); err != nil {
		return Credential{}, fmt.Errorf("the credential's cluster: %w", err)
	}
	if len(c.Servers) == 0 || c.JWT == "" || c.Seed == "" || len(c.OpenKey) != 32 || len(c.HubKeys) == 0 {
		return Credential{}, errors.New("the credential is incomplete: it needs servers, jwt, seed, openKey and hubKeys; " +
			"make a new one with `drover agent manifest`")
	}
	for _, k := range c.HubKeys {
		if len(k) != ed25519.PublicKeySize {
			return Credential{}, fmt.Errorf("the credential's hub key has %d bytes instead of %d", len(k), ed25519.PublicKeySize)
		}
	}
	return c, nil
}

// SigningKeys are HubKeys with their type.
func (c Credential) SigningKeys() []ed25519.PublicKey {
	out := make([]ed25519.PublicKey, len(c.HubKeys))
	for i, k := range c.HubKeys {
		out[i] = k
	}
	return out
}

// NewOpenKey makes the key pair that a cluster's bundles are sealed to.
func NewOpenKey() (private, public []byte, err error) {
	k, err := x25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return k.Bytes(), k.PublicKey().Bytes(), nil
}

func x25519() ecdh.Curve { return ecdh.X25519() }
