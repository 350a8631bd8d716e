package protocol

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// BundleType is the DSSE payload type of a bundle.
const BundleType = "application/vnd.drover.bundle+json"

// Envelope is a signed payload as DSSE v1 has it
// (https://github.com/secure-systems-lab/dsse/blob/master/envelope.md).
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     []byte      `json:"payload"`
	Signatures  []Signature `json:"signatures"`
}

// Signature is one ed25519 signature of an Envelope.
type Signature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// KeyID names a public signing key: the first 16 hexadecimal digits of its sha256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// preAuth is DSSE's pre-authentication encoding: what is signed.
func preAuth(payloadType string, payload []byte) []byte {
	var b bytes.Buffer
	b.WriteString("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " ")
	b.Write(payload)
	return b.Bytes()
}

// The reasons for which an agent refuses a bundle.
var (
	ErrNotSealed  = errors.New("not sealed to this cluster")
	ErrUnsigned   = errors.New("not signed by this fleet's hub")
	ErrForeign    = errors.New("made for another cluster")
	ErrMalformed  = errors.New("malformed")
	ErrSuperseded = errors.New("older than what was already accepted")
)

// SignBundle gives the DSSE envelope of b as JSON, signed by every key. It sets Content.
func SignBundle(b Bundle, keys ...ed25519.PrivateKey) ([]byte, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	b.Content = b.Digest()
	payload, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	if len(payload) > MaxBundle {
		return nil, fmt.Errorf("the bundle of %s has %d bytes, more than %d: split its apps over fewer objects or clusters",
			b.Cluster, len(payload), MaxBundle)
	}
	return sign(BundleType, payload, keys)
}

// VerifyBundle opens an envelope that claims to be cluster's bundle. Nothing of the payload is
// looked at before it is known that one of keys signed it.
func VerifyBundle(envelope []byte, cluster string, keys []ed25519.PublicKey) (Bundle, error) {
	var b Bundle
	payload, err := verify(envelope, BundleType, MaxBundle, keys)
	if err != nil {
		return b, err
	}
	err = json.Unmarshal(payload, &b)
	if newer := checkVersion("bundle", b.Version, "this program"); newer != nil {
		return Bundle{}, newer // before err: it may be the newer version that does not fit
	}
	if err != nil {
		return Bundle{}, fmt.Errorf("%w: the payload: %w", ErrMalformed, err)
	}
	if err := b.Check(); err != nil {
		return Bundle{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if b.Cluster != cluster {
		return Bundle{}, fmt.Errorf("%w: it is for %s, this is %s", ErrForeign, b.Cluster, cluster)
	}
	return b, nil
}

// maxMessage is the most the payload of a signed message other than a bundle may have, in bytes.
const maxMessage = 256 << 10

// message is what SignMessage signs.
type message interface {
	KeyRequest | Hello | Grant | Ask | Presence
}

// SignMessage gives the DSSE envelope of m as JSON, signed by every key.
func SignMessage[M message](m M, keys ...ed25519.PrivateKey) ([]byte, error) {
	payload, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	_, _, payloadType := about(&m)
	return sign(payloadType, payload, keys)
}

// VerifyMessage opens the envelope of a message that claims to concern cluster. Nothing of the payload is looked at
// before it is known that one of keys signed it. Its errors wrap those of VerifyBundle.
func VerifyMessage[M message](envelope []byte, cluster string, keys []ed25519.PublicKey) (M, error) {
	var m, none M
	version, concerns, payloadType := about(&m)
	payload, err := verify(envelope, payloadType, maxMessage, keys)
	if err != nil {
		return none, err
	}
	err = json.Unmarshal(payload, &m)
	if newer := checkVersion("message", *version, "this program"); newer != nil {
		return none, newer
	}
	if err != nil {
		return none, fmt.Errorf("%w: the payload: %w", ErrMalformed, err)
	}
	if *concerns != cluster {
		return none, fmt.Errorf("%w: it is for %.80s, this is %s", ErrForeign, *concerns, cluster)
	}
	return m, nil
}

// about gives the parts that every message has, and its payload type.
func about[M message](m *M) (version *int, cluster *string, payloadType string) {
	switch m := any(m).(type) {
	case *KeyRequest:
		return &m.Version, &m.Cluster, KeyRequestType
	case *Hello:
		return &m.Version, &m.Cluster, HelloType
	case *Grant:
		return &m.Version, &m.Cluster, GrantType
	case *Ask:
		return &m.Version, &m.Cluster, AskType
	case *Presence:
		return &m.Version, &m.Fleet, PresenceType
	}
	panic("protocol: a message of no kind") // the constraint names them all
}

// sign gives a DSSE envelope as JSON.
func sign(payloadType string, payload []byte, keys []ed25519.PrivateKey) ([]byte, error) {
	e := Envelope{PayloadType: payloadType, Payload: payload}
	for _, key := range keys {
		e.Signatures = append(e.Signatures, Signature{
			KeyID: KeyID(key.Public().(ed25519.PublicKey)), Sig: ed25519.Sign(key, preAuth(payloadType, payload))})
	}
	return json.Marshal(e)
}

// verify gives the payload of an envelope that one of keys has signed.
func verify(envelope []byte, payloadType string, limit int, keys []ed25519.PublicKey) ([]byte, error) {
	var e Envelope
	if len(envelope) > 2*limit {
		return nil, fmt.Errorf("%w: the envelope has %d bytes", ErrMalformed, len(envelope))
	}
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("%w: the envelope: %w", ErrMalformed, err)
	}
	if e.PayloadType != payloadType {
		return nil, fmt.Errorf("%w: the envelope holds %.80q, no %s", ErrMalformed, e.PayloadType, payloadType)
	}
	if !e.signedBy(keys) {
		return nil, ErrUnsigned
	}
	if len(e.Payload) > limit {
		return nil, fmt.Errorf("%w: the payload has %d bytes", ErrMalformed, len(e.Payload))
	}
	return e.Payload, nil
}

func (e Envelope) signedBy(keys []ed25519.PublicKey) bool {
	signed := preAuth(e.PayloadType, e.Payload)
	for _, s := range e.Signatures {
		for _, k := range keys {
			if len(k) == ed25519.PublicKeySize && s.KeyID == KeyID(k) && ed25519.Verify(k, signed, s.Sig) {
				return true
			}
		}
	}
	return false
}

// sealPrefix begins every sealed message, so that another way of sealing can come beside it.
const sealPrefix = "DRV1"

// Seal encrypts message to the one who holds the private part of recipient (an X25519 public
// key, 32 bytes), in HPKE's base mode. cluster is bound to it: opening it for another fails.
func Seal(recipient []byte, cluster string, message []byte) ([]byte, error) {
	out, err := seal(recipient, sealInfo("bundle", cluster), message)
	if err != nil {
		return nil, fmt.Errorf("the key of cluster %s: %w", cluster, err)
	}
	return out, nil
}

// Unseal opens what Seal gave. private is an X25519 private key, 32 bytes.
func Unseal(private []byte, cluster string, sealed []byte) ([]byte, error) {
	return unseal(private, sealInfo("bundle", cluster), sealed)
}

func seal(recipient, info, message []byte) ([]byte, error) {
	pk, err := hpke.DHKEM(x25519()).NewPublicKey(recipient)
	if err != nil {
		return nil, fmt.Errorf("it is no X25519 public key: %w", err)
	}
	out, err := hpke.Seal(pk, hpke.HKDFSHA256(), hpke.AES256GCM(), info, message)
	if err != nil {
		return nil, err
	}
	return append([]byte(sealPrefix), out...), nil
}

func unseal(private, info, sealed []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, []byte(sealPrefix))
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrNotSealed, sealPrefix)
	}
	sk, err := hpke.DHKEM(x25519()).NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("this side's key is no X25519 private key: %w", err)
	}
	out, err := hpke.Open(sk, hpke.HKDFSHA256(), hpke.AES256GCM(), info, rest)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrNotSealed, err)
	}
	return out, nil
}

func sealInfo(what, cluster string) []byte { return []byte("drover " + what + " v1 " + cluster) }
