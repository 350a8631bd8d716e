package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/drover-dev/drover/hub/nats/files"
)

// Keys are the hub's secrets, each in a file of its own that only the hub's user can read. Whoever has them is
// the hub: they are what a backup must hold, and they cannot be made again from Git.
type Keys struct {
	// Signers sign bundles, grants and asks, all of them each: the current key and, while it is rotated, the next.
	Signers []ed25519.PrivateKey
	Secret  []byte // of the fleet: encrypts blobs and the hub's store
	// Former is the secret before, while it is rotated: it opens what was made with it. It is nil otherwise.
	Former []byte
	// New says that the keys were made now, because there were none. Made is when they were made; zero if that was
	// before it was noted.
	New  bool
	Made time.Time

	dir         string
	authorities []*authority    // the current one, which certificates come from, and the next
	operators   []nkeys.KeyPair // the current one, which signs accounts, and the next

	account, hub, system, hubUser, systemUser nkeys.KeyPair // account is that of AGENTS

	signers  signers
	embedded atomic.Bool // the server is in this process, and trusts what this hub tells it
}

// Open reads the keys in dir, and makes those that are missing. Keys are made all at once: a
// directory that has some of them and not others was damaged, and the error says which to bring back.
func Open(dir string) (*Keys, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the hub's keys: %w: give the user who runs the hub the right to write there", err)
	}
	k := &Keys{dir: dir}
	f := &keyFiles{dir: dir}
	f.fresh = f.none("signing.key", "ca.pem", "fleet.key", "operator.nk", "account.nk", "system.nk", "hub-user.nk",
		"system-user.nk")
	for _, name := range f.steps("signing.key") {
		k.Signers = append(k.Signers, ed25519.NewKeyFromSeed(f.raw(name, signingKeyType)))
	}
	for _, name := range f.steps("ca.pem") {
		k.authorities = append(k.authorities, f.authority(name))
	}
	for _, name := range f.steps("operator.nk") {
		k.operators = append(k.operators, f.nkey(name, nkeys.PrefixByteOperator))
	}
	for _, name := range f.steps("fleet.key") {
		k.Former, k.Secret = k.Secret, f.raw(name, fleetKeyType)
	}
	k.account = f.nkey("account.nk", nkeys.PrefixByteAccount)
	if f.err == nil {
		k.hub, f.err = hubPair(k.account)
	}
	k.system = f.nkey("system.nk", nkeys.PrefixByteAccount)
	k.signers = readSigners(f)
	k.hubUser = f.nkey("hub-user.nk", nkeys.PrefixByteUser)
	k.systemUser = f.nkey("system-user.nk", nkeys.PrefixByteUser)
	if k.New = f.fresh && f.err == nil; k.New {
		k.Made = time.Now().UTC().Truncate(time.Second)
		f.err = files.Write(filepath.Join(dir, madeFile), []byte(k.Made.Format(time.RFC3339)+"\n"))
	} else if data, err := os.ReadFile(filepath.Join(dir, madeFile)); err == nil {
		k.Made, _ = time.Parse(time.RFC3339, strings.TrimSpace(string(data))) // for people alone
	}
	return k, f.err
}

// madeFile says when the keys were made, for people.
const madeFile = "made.txt"

// keyFiles reads or makes key files until the first error.
type keyFiles struct {
	dir   string
	fresh bool
	err   error
}

func (f *keyFiles) none(names ...string) bool {
	for _, n := range names {
		if _, err := os.Stat(filepath.Join(f.dir, n)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// steps are the files of a key that can be rotated: its own and, while it is, the next one's.
func (f *keyFiles) steps(name string) []string {
	if f.none(name + nextSuffix) {
		return []string{name}
	}
	return []string{name, name + nextSuffix}
}

// load gives the content of a file, or makes it.
func (f *keyFiles) load(name string, generate func() ([]byte, error)) []byte {
	if f.err != nil {
		return nil
	}
	path := filepath.Join(f.dir, name)
	data, err := os.ReadFile(path)
	if err == nil {
		return data
	}
	if !errors.Is(err, fs.ErrNotExist) {
		f.err = fmt.Errorf("the hub's keys: %w", err)
		return nil
	}
	if !f.fresh {
		f.err = fmt.Errorf("the hub's keys: %s is missing while others are there: bring it back from a backup; "+
			"or remove the whole folder %s for a new fleet, whose agents all have to be installed again", path, f.dir)
		return nil
	}
	if data, f.err = generate(); f.err == nil {
		f.err = files.Write(path, data)
	}
	return data
}

// raw is a key of 32 bytes in PEM.
func (f *keyFiles) raw(name, kind string) []byte {
	data := f.load(name, func() ([]byte, error) { return newRaw(kind), nil })
	block, _ := pem.Decode(data)
	if f.err == nil && (block == nil || block.Type != kind || len(block.Bytes) != 32) {
		f.err = fmt.Errorf("the hub's keys: %s holds no %s: bring it back from a backup", filepath.Join(f.dir, name), kind)
	}
	if f.err != nil {
		return make([]byte, 32)
	}
	return block.Bytes
}

// newRaw makes a key of 32 bytes in PEM.
func newRaw(kind string) []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: crypto/rand
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: key})
}

func (f *keyFiles) nkey(name string, prefix nkeys.PrefixByte) nkeys.KeyPair {
	data := f.load(name, func() ([]byte, error) { return newSeed(prefix) })
	if f.err != nil {
		return nil
	}
	pair, err := nkeys.FromSeed(data)
	if kind, _, seedErr := nkeys.DecodeSeed(data); err == nil && (seedErr != nil || kind != prefix) {
		err = fmt.Errorf("it holds a key of kind %s, and not of kind %s", kind, prefix)
	}
	if err != nil {
		f.err = fmt.Errorf("the hub's keys: %s: %w: bring it back from a backup", filepath.Join(f.dir, name), err)
	}
	return pair
}

// newSeed makes the seed of an nkey.
func newSeed(prefix nkeys.PrefixByte) ([]byte, error) {
	pair, err := nkeys.CreatePair(prefix)
	if err != nil {
		return nil, err
	}
	return pair.Seed()
}

func (f *keyFiles) authority(name string) *authority {
	data := f.load(name, newAuthority)
	if f.err != nil {
		return nil
	}
	a, err := parseAuthority(data)
	if err != nil {
		f.err = fmt.Errorf("the hub's keys: %s: %w: bring it back from a backup", filepath.Join(f.dir, name), err)
	}
	return a
}

// Dir is the folder that has the files of the keys.
func (k *Keys) Dir() string { return k.dir }
