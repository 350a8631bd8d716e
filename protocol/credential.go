package protocol

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Credential is all that an agent needs to be the agent of one cluster. It is a secret, made in the cluster and kept
// there: the hub knows its public parts only.
type Credential struct {
	Version int    `json:"version"`
	Cluster string `json:"cluster"`
	Trust
	JWT     string `json:"jwt"`     // NATS user JWT
	Seed    string `json:"seed"`    // NATS user nkey seed; it signs what the agent says, too
	OpenKey []byte `json:"openKey"` // X25519 private key that opens this cluster's bundles
	// Earlier are the open keys of the credential before this one: a bundle may still be sealed to it.
	Earlier [][]byte  `json:"earlier,omitempty"`
	Issued  time.Time `json:"issued,omitzero"`
	Expires time.Time `json:"expires,omitzero"` // of JWT; never, if zero
	Token   string    `json:"token,omitempty"`  // public key of the join token that bought it
	// Place is the cluster that the credential belongs to; nil if that was not noted yet.
	Place *Place `json:"place,omitempty"`
}

// Place tells a Kubernetes cluster from a copy of it.
type Place struct {
	UID string `json:"uid"` // of the namespace kube-system
	// Epoch and Generation are those of the bundle that said so; 0 if it is where the cluster joined.
	Epoch      uint64 `json:"epoch,omitempty"`
	Generation uint64 `json:"generation,omitempty"`
}

// SaidBefore says whether a bundle is newer than what p follows from.
func (p Place) SaidBefore(b Bundle) bool {
	return b.Epoch > p.Epoch || b.Epoch == p.Epoch && b.Generation > p.Generation
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
	if err := c.Check("credential"); err != nil {
		return Credential{}, err
	}
	return c, nil
}

// NewOpenKey makes the key pair that a cluster's bundles are sealed to.
func NewOpenKey() (private, public []byte, err error) {
	k, err := x25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	return k.Bytes(), k.PublicKey().Bytes(), nil
}

// OpenPublic is the public part of a private open key.
func OpenPublic(private []byte) ([]byte, error) {
	k, err := x25519().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("this is no X25519 private key: %w", err)
	}
	return k.PublicKey().Bytes(), nil
}

func x25519() ecdh.Curve { return ecdh.X25519() }
