package keyring

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/nats/files"
	"github.com/drover-dev/drover/protocol"
)

// A key of the hub is rotated in two steps. First the next key stands beside the current one, and everybody learns of
// it; then the current one is dropped. In between, what one of them vouches for is accepted by all.

// nextSuffix is what the file of a key that comes next has behind its name.
const nextSuffix = ".next"

// What keys are called in PEM.
const (
	signingKeyType = "DROVER SIGNING KEY"
	fleetKeyType   = "DROVER FLEET SECRET"
)

// Kind says which key of the hub is meant.
type Kind string

// The keys that can be rotated.
const (
	Signing   Kind = "signing"  // signs bundles, grants and asks
	Authority Kind = "ca"       // issues the certificates of NATS servers
	Operator  Kind = "operator" // signs NATS accounts
	Account   Kind = "account"  // signs the users of NATS accounts: credentials, join tokens, leaf nodes
	Fleet     Kind = "fleet"    // encrypts blobs, the hub's store, and what agents say to the hub
)

// Kinds are all of them.
var Kinds = []Kind{Signing, Authority, Operator, Account, Fleet}

// Info describes one key.
type Info struct {
	Kind  Kind      `json:"kind"`
	ID    string    `json:"id"` // public
	Since time.Time `json:"since"`
	Next  bool      `json:"next,omitempty"` // it stands beside the current one, and is to follow it
}

func (kind Kind) file() (string, error) {
	switch kind {
	case Signing:
		return "signing.key", nil
	case Authority:
		return "ca.pem", nil
	case Operator:
		return "operator.nk", nil
	case Account:
		return signerFile, nil
	case Fleet:
		return "fleet.key", nil
	}
	return "", fmt.Errorf("the hub has no key %q that can be rotated: use signing, ca, operator, account or fleet", kind)
}

func (kind Kind) generate() ([]byte, error) {
	switch kind {
	case Signing:
		return newRaw(signingKeyType), nil
	case Authority:
		return newAuthority()
	case Fleet:
		return newRaw(fleetKeyType), nil
	case Account:
		return newSeed(nkeys.PrefixByteAccount)
	default:
		return newSeed(nkeys.PrefixByteOperator)
	}
}

// List describes the keys that can be rotated, the current ones before the next.
func (k *Keys) List() ([]Info, error) {
	var out []Info
	for _, kind := range Kinds {
		name, err := kind.file()
		if err != nil {
			return nil, err
		}
		ids, err := k.ids(kind)
		if err != nil {
			return nil, err
		}
		for i, id := range ids {
			file := filepath.Join(k.dir, name)
			if kind == Account && i == 0 && k.signers.first {
				file = filepath.Join(k.dir, "account.nk")
			}
			if i > 0 {
				file += nextSuffix
			}
			info, err := os.Stat(file)
			if err != nil {
				return nil, fmt.Errorf("the hub's keys: %w", err)
			}
			out = append(out, Info{Kind: kind, ID: id, Since: info.ModTime(), Next: i > 0})
		}
	}
	return out, nil
}

// ids names the current key of a kind, and the next.
func (k *Keys) ids(kind Kind) (ids []string, err error) {
	switch kind {
	case Signing:
		for _, s := range k.Signers {
			ids = append(ids, protocol.KeyID(s.Public().(ed25519.PublicKey)))
		}
	case Authority:
		for _, a := range k.authorities {
			ids = append(ids, hex.EncodeToString(a.cert.SubjectKeyId))
		}
	case Operator:
		for _, o := range k.operators {
			id, err := o.PublicKey()
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
	case Account:
		if k.signers.first {
			id, err := k.account.PublicKey()
			if err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		ids = append(ids, k.signers.names...)
	case Fleet:
		for _, secret := range [][]byte{k.Former, k.Secret} {
			if secret == nil {
				continue
			}
			_, open, err := protocol.HubOpenKey(secret)
			if err != nil {
				return nil, err
			}
			ids = append(ids, hub.OpenKeyID(open))
		}
	}
	return ids, nil
}

// Begin makes the next key of a kind. It is an error if there is one already. k itself is not changed: a hub takes
// the key up when it starts.
func (k *Keys) Begin(kind Kind) error {
	name, err := kind.file()
	if err != nil {
		return err
	}
	path := filepath.Join(k.dir, name+nextSuffix)
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("the %s key is being rotated already (%s): end that first with `drover hub keys finish %s`", kind, path, kind)
	}
	data, err := kind.generate()
	if err == nil && kind == Operator {
		err = k.markStrict(data)
	}
	if err != nil {
		return err
	}
	return files.Write(path, data)
}

// Finish drops the current key of a kind for the next, from the next start of the hub on.
func (k *Keys) Finish(kind Kind) error {
	name, err := kind.file()
	if err != nil {
		return err
	}
	path := filepath.Join(k.dir, name)
	err = os.Rename(path+nextSuffix, path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the %s key is not being rotated: begin with `drover hub keys rotate %s`", kind, kind)
	}
	return err
}

// Rotating says whether there is a next key of a kind.
func (k *Keys) Rotating(kind Kind) bool {
	ids, err := k.ids(kind)
	return err == nil && len(ids) > 1
}

// Believed says whether t trusts the newest key of a kind, as far as clusters need to: none of them knows the operator,
// and servers may have certificates of others' authorities.
func (k *Keys) Believed(kind Kind, t protocol.Trust) bool {
	switch kind {
	case Signing:
		newest := k.Signers[len(k.Signers)-1].Public().(ed25519.PublicKey)
		return slices.ContainsFunc(t.HubKeys, func(known []byte) bool { return slices.Equal(known, newest) })
	case Authority:
		newest := k.authorities[len(k.authorities)-1]
		return strings.Contains(t.CA, newest.pem()) || !strings.Contains(t.CA, k.authorities[0].pem())
	case Fleet:
		_, open, err := protocol.HubOpenKey(k.Secret)
		return err == nil && bytes.Equal(open, t.HubOpen)
	default:
		return true
	}
}
