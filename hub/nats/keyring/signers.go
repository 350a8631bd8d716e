package keyring

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub/nats/files"
)

// An account has a name for ever: its identity key, which leaf nodes and credentials name. That key also signs
// the users of
// the account until it is rotated for the first time. Then signing keys take its place, one after the other, and
// servers that
// trust a strict operator accept no user that the identity key has signed. See docs/decisions/bus-accounts.md.

const (
	// signerFile holds the key that signs the users of all accounts. There is none before the first rotation.
	signerFile = "account-signing.nk"
	// strictFile names the operators whose servers accept no users that an identity key has signed.
	strictFile = "strict.json"
)

// signers are the keys that sign the users of all accounts.
type signers struct {
	first  bool            // the identity keys of the accounts still do, too
	keys   []nkeys.KeyPair // the current one, unless first is set, and the next
	names  []string        // their public keys
	strict []string        // the operators that were made since the identity keys were rotated
}

// readSigners reads them from the folder of the keys.
func readSigners(f *keyFiles) (s signers) {
	s.first = f.none(signerFile)
	for _, name := range []string{signerFile, signerFile + nextSuffix} {
		if f.err != nil || f.none(name) {
			continue
		}
		pair := f.nkey(name, nkeys.PrefixByteAccount)
		if f.err != nil {
			return s
		}
		var public string
		if public, f.err = pair.PublicKey(); f.err == nil {
			s.keys, s.names = append(s.keys, pair), append(s.names, public)
		}
	}
	if f.err == nil {
		s.strict, f.err = readStrict(f.dir)
	}
	return s
}

func readStrict(dir string) (out []string, err error) {
	data, err := os.ReadFile(filepath.Join(dir, strictFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("the hub's keys: %s: %w: bring it back from a backup", strictFile, err)
	}
	return out, nil
}

// newest is the public key that signs new users; "" if the identity keys do.
func (s signers) newest() string {
	if len(s.names) == 0 {
		return ""
	}
	return s.names[len(s.names)-1]
}

// sign signs the claims of an agent, of the holder of a join token, or of a leaf node.
func (k *Keys) sign(c *jwt.UserClaims, account nkeys.KeyPair) (string, error) {
	if len(k.signers.keys) == 0 {
		return c.Encode(account)
	}
	return k.signWith(k.signers.keys[len(k.signers.keys)-1], c, account)
}

// signOwn signs the claims of the hub itself. It uses the key that all servers know: the hub could not tell them
// of another
// one before they let it in.
func (k *Keys) signOwn(c *jwt.UserClaims, account nkeys.KeyPair) (string, error) {
	if !k.isStrict(k.operators[0]) {
		return c.Encode(account)
	}
	return k.signWith(k.signers.keys[0], c, account)
}

func (k *Keys) signWith(signer nkeys.KeyPair, c *jwt.UserClaims, account nkeys.KeyPair) (token string, err error) {
	if c.IssuerAccount, err = account.PublicKey(); err != nil {
		return "", err
	}
	return c.Encode(signer)
}

// signed gives the key that has signed a user of an account, "" for its identity key; ok is false if it was none
// that is in
// use.
func (k *Keys) signed(c *jwt.UserClaims, account string) (signer string, ok bool) {
	if c.IssuerAccount == "" {
		return "", c.Issuer == account && k.signers.first
	}
	return c.Issuer, c.IssuerAccount == account && slices.Contains(k.signers.names, c.Issuer)
}

// isStrict says whether servers that trust an operator accept no users that identity keys have signed.
func (k *Keys) isStrict(operator nkeys.KeyPair) bool {
	if k.signers.first {
		return false
	}
	public, err := operator.PublicKey()
	return err == nil && (k.embedded.Load() || slices.Contains(k.signers.strict, public))
}

// accountIssuer is the key of an operator that signs accounts. A strict operator has one that is not its identity.
func (k *Keys) accountIssuer(operator nkeys.KeyPair) (nkeys.KeyPair, error) {
	if !k.isStrict(operator) {
		return operator, nil
	}
	seed, err := operator.Seed()
	if err != nil {
		return nil, err
	}
	raw, err := hkdf.Key(sha256.New, seed, nil, "drover operator signing key v1", 32)
	if err != nil {
		return nil, fmt.Errorf("the signing key of the operator: %w", err)
	}
	return nkeys.FromRawSeed(nkeys.PrefixByteOperator, raw)
}

// operatorJWT is the operator as servers are told of it.
func (k *Keys) operatorJWT(operator nkeys.KeyPair, system string) (*jwt.OperatorClaims, string, error) {
	key, err := operator.PublicKey()
	if err != nil {
		return nil, "", err
	}
	o := jwt.NewOperatorClaims(key)
	o.Name, o.SystemAccount = "drover", system
	if k.isStrict(operator) {
		issuer, err := k.accountIssuer(operator)
		if err != nil {
			return nil, "", err
		}
		public, err := issuer.PublicKey()
		if err != nil {
			return nil, "", err
		}
		o.StrictSigningKeyUsage = true
		o.SigningKeys.Add(public)
	}
	text, err := o.Encode(operator)
	return o, text, err
}

// markStrict notes that a new operator is strict, if the identity keys were rotated before it was made.
func (k *Keys) markStrict(seed []byte) error {
	if k.signers.first {
		return nil
	}
	pair, err := nkeys.FromSeed(seed)
	if err != nil {
		return err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return err
	}
	return files.SaveJSON(filepath.Join(k.dir, strictFile), append(slices.Clone(k.signers.strict), public))
}

// AccountKey is the key that signs the credentials that the hub issues now; "" before the first rotation.
func (k *Keys) AccountKey() string { return k.signers.newest() }

// SignerNames are the public keys that sign the users of all accounts, the current one before the next; none before the
// first rotation.
func (k *Keys) SignerNames() []string { return slices.Clone(k.signers.names) }

// Embedded notes that the server is in this process, and trusts what this hub tells it.
func (k *Keys) Embedded() { k.embedded.Store(true) }
