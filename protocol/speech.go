package protocol

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// What agents say of their cluster is signed by the cluster's own key, then sealed to the hub: who runs the bus can
// neither forge a report nor read one.

// SpeechKind is what is said: a report cannot be passed off as an event.
type SpeechKind string

// The kinds of speech.
const (
	SpeechReport SpeechKind = "report"
	SpeechEvent  SpeechKind = "event"
	SpeechAnswer SpeechKind = "answer"
)

// ErrUnheard marks a speech that none of a cluster's keys has signed.
var ErrUnheard = errors.New("not signed by this cluster's agent")

// speechHead is the length of a signature and the id of its key.
const speechHead = ed25519.SignatureSize + 16

// Speak signs what cluster's agent says with key and seals it to hub, the X25519 public key Trust.HubOpen.
func Speak(kind SpeechKind, cluster string, key ed25519.PrivateKey, hub, payload []byte) ([]byte, error) {
	inner := make([]byte, 0, speechHead+len(payload))
	inner = append(inner, ed25519.Sign(key, preAuth(speechType(kind, cluster), payload))...)
	inner = append(inner, KeyID(key.Public().(ed25519.PublicKey))...)
	inner = append(inner, payload...)
	out, err := seal(hub, sealInfo(string(kind), cluster), inner)
	if err != nil {
		return nil, fmt.Errorf("the hub's key: %w", err)
	}
	return out, nil
}

// Speech is what Unseal gives of what Speak made: still to be verified.
type Speech struct {
	KeyID   string // of the key that claims to have signed it
	kind    SpeechKind
	cluster string
	sig     []byte
	payload []byte
}

// OpenSpeech unseals what Speak gave. private is the hub's X25519 private key.
func OpenSpeech(kind SpeechKind, cluster string, private, sealed []byte) (Speech, error) {
	inner, err := unseal(private, sealInfo(string(kind), cluster), sealed)
	if err != nil {
		return Speech{}, err
	}
	if len(inner) < speechHead {
		return Speech{}, fmt.Errorf("%w: %d bytes hold no signature", ErrMalformed, len(inner))
	}
	return Speech{KeyID: string(inner[ed25519.SignatureSize:speechHead]), kind: kind, cluster: cluster,
		sig: inner[:ed25519.SignatureSize], payload: inner[speechHead:]}, nil
}

// Verify gives the payload if one of keys signed it, or else ErrUnheard.
func (s Speech) Verify(keys []ed25519.PublicKey) ([]byte, error) {
	signed := preAuth(speechType(s.kind, s.cluster), s.payload)
	for _, k := range keys {
		if len(k) == ed25519.PublicKeySize && KeyID(k) == s.KeyID && ed25519.Verify(k, signed, s.sig) {
			return s.payload, nil
		}
	}
	return nil, ErrUnheard
}

func speechType(kind SpeechKind, cluster string) string {
	return "application/vnd.drover." + string(kind) + ";cluster=" + cluster
}

// HubOpenKey is the key pair that agents seal to what they say. It follows from the fleet's secret.
func HubOpenKey(secret []byte) (private, public []byte, err error) {
	private, err = hkdf.Key(sha256.New, secret, nil, "drover hub open key v1", 32)
	if err != nil {
		return nil, nil, err
	}
	public, err = OpenPublic(private)
	return private, public, err
}
