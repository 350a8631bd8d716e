// Package bolt keeps the hub's store in one bbolt file: what was rendered, what was published, and what
// was published before. Every value is encrypted with a key derived from the fleet's secret, because blobs hold Secrets
// and bundles hold the keys of blobs. Losing the file costs time, never correctness.
//
// It may import hub, fleet and protocol.
package bolt

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
)

// schema rises when what is stored can no longer be read: an older file is set aside then, since everything in it
// can be made again.
const schema = "1"

var (
	bucketMeta    = []byte("meta")
	bucketMemo    = []byte("memo")
	bucketBlobs   = []byte("blobs")
	bucketRecords = []byte("records")
	bucketRollout = []byte("rollouts")
	keySchema     = []byte("schema")
	keyHolds      = []byte("holds")
	keyLead       = []byte("lead")
)

// Store is a hub.Store in a file.
type Store struct {
	db   *bbolt.DB
	aead cipher.AEAD
}

var (
	_ hub.Store   = (*Store)(nil)
	_ hub.Leads   = (*Store)(nil)
	_ io.WriterTo = (*Store)(nil)
)

// Open opens the file, and makes it if there is none. A file that is damaged, of another schema, or encrypted under
// another secret is set aside (renamed to path.unreadable) and replaced by an empty one: the log says so. An error
// means that the file cannot be used at all, most often because another hub has it open. A file that is encrypted under
// a former secret is encrypted again. One that is mostly free is compacted.
func Open(path string, secret []byte, log *slog.Logger, former ...[]byte) (*Store, error) {
	aead, err := cipherOf(secret)
	if err != nil {
		return nil, err
	}
	s, err := open(path, aead)
	if errors.Is(err, errSecret) {
		s, err = reencrypted(path, secret, log, former)
	}
	if err == nil {
		return compacted(path, s, log), nil
	}
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use: another hub runs with this data directory; stop it, or give this one its own with --data-dir", path)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("the hub's store: %w: give the user who runs the hub the right to write there", err)
	}
	log.Warn("the hub's store cannot be read; starting with an empty one, which is filled again from Git",
		"err", err, "kept", path+".unreadable")
	if err := os.Rename(path, path+".unreadable"); err != nil {
		return nil, fmt.Errorf("set the unreadable store aside: %w", err)
	}
	return open(path, aead)
}

// cipherOf derives the store's key from the fleet's secret.
func cipherOf(secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "drover hub store v1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// errSecret says that a file is encrypted under another secret.
var errSecret = errors.New("it was written under another secret")

func open(path string, aead cipher.AEAD) (_ *Store, err error) {
	defer func() {
		if r := recover(); r != nil { // bbolt panics on some damaged files
			err = fmt.Errorf("%s is damaged: %v", path, r)
		}
	}()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: 2 * time.Second, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	s := &Store{db, aead}
	if err := db.Update(s.prepare); err != nil {
		_ = db.Close()
		return nil, err
	}
	return s, nil
}

// prepare makes the buckets, and finds out whether the file is ours to read.
func (s *Store) prepare(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketMemo, bucketBlobs, bucketRecords, bucketRollout} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	meta := tx.Bucket(bucketMeta)
	sealed := meta.Get(keySchema)
	if sealed == nil {
		return meta.Put(keySchema, s.seal(keySchema, []byte(schema)))
	}
	got, err := s.unseal(keySchema, sealed)
	if err != nil {
		return errSecret
	}
	if string(got) != schema {
		return fmt.Errorf("it was written by a release with schema %s, this one has %s", got, schema)
	}
	return nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// WriteTo implements io.WriterTo: it writes a consistent copy of the file, while the hub goes on.
func (s *Store) WriteTo(w io.Writer) (n int64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) (err error) {
		n, err = tx.WriteTo(w)
		return err
	})
	return n, err
}

// ErrInUse says that a hub has the store open.
var ErrInUse = errors.New("the store is in use")

// Copy writes a copy of the store at path, which no hub may have open: then it is ErrInUse.
func Copy(path string, w io.Writer) error {
	if _, err := os.Stat(path); err != nil {
		return err // bbolt would make it
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, ReadOnly: true})
	if errors.Is(err, berrors.ErrTimeout) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer func() { _ = db.Close() }()
	return db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// Memo implements hub.Store.
func (s *Store) Memo(key string) ([]byte, error) { return s.get(bucketMemo, key) }

// Blob implements hub.Store. Blobs are encrypted already, with keys of their own.
func (s *Store) Blob(id string) ([]byte, error) {
	var out []byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(bucketBlobs).Get([]byte(id)); v != nil {
			out = append([]byte{}, v...)
		}
		return nil
	})
	return out, err
}

// Clusters implements hub.Store. A record that cannot be read is left out: it is published again.
func (s *Store) Clusters() (map[string]hub.Record, error) {
	out := map[string]hub.Record{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRecords).ForEach(func(k, v []byte) error {
			var r hub.Record
			if data, err := s.unseal(k, v); err == nil && json.Unmarshal(data, &r) == nil {
				out[string(k)] = r
			}
			return nil
		})
	})
	return out, err
}

// Holds implements hub.Store. What cannot be read is held again when the hub sees that the folders are gone.
func (s *Store) Holds() ([]query.Hold, error) {
	data, err := s.get(bucketMeta, string(keyHolds))
	if err != nil || data == nil {
		return nil, err
	}
	var holds []query.Hold
	if json.Unmarshal(data, &holds) != nil {
		return nil, nil
	}
	return holds, nil
}

// Rollouts implements hub.Store.
func (s *Store) Rollouts() (map[string][]byte, error) {
	out := map[string][]byte{}
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketRollout).ForEach(func(k, v []byte) error {
			data, err := s.unseal(k, v)
			if err != nil {
				data = nil
			}
			out[string(k)] = data
			return nil
		})
	})
	return out, err
}

// Save implements hub.Store.
func (s *Store) Save(b hub.Batch) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		if err := s.saveHolds(tx, b.Holds); err != nil {
			return err
		}
		for _, name := range b.Forget {
			if err := tx.Bucket(bucketRecords).Delete([]byte(name)); err != nil {
				return err
			}
		}
		for key, v := range b.Rollouts {
			bucket := tx.Bucket(bucketRollout)
			if v == nil {
				if err := bucket.Delete([]byte(key)); err != nil {
					return err
				}
			} else if err := bucket.Put([]byte(key), s.seal([]byte(key), v)); err != nil {
				return err
			}
		}
		for key, v := range b.Memos {
			if err := tx.Bucket(bucketMemo).Put([]byte(key), s.seal([]byte(key), v)); err != nil {
				return err
			}
		}
		for _, p := range b.Blobs {
			if err := tx.Bucket(bucketBlobs).Put([]byte(p.Ref.ID()), p.Sealed); err != nil {
				return err
			}
		}
		for name, r := range b.Records {
			data, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := tx.Bucket(bucketRecords).Put([]byte(name), s.seal([]byte(name), data)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Collect implements hub.Store. The file keeps its size, and what comes next takes the space.
func (s *Store) Collect(keepMemo, keepBlob func(string) bool) (removed int, err error) {
	unneeded := map[string][][]byte{}
	err = s.db.View(func(tx *bbolt.Tx) error {
		for name, keep := range map[string]func(string) bool{string(bucketMemo): keepMemo, string(bucketBlobs): keepBlob} {
			if err := tx.Bucket([]byte(name)).ForEach(func(k, _ []byte) error {
				if !keep(string(k)) {
					unneeded[name] = append(unneeded[name], bytes.Clone(k))
				}
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(unneeded) == 0 {
		return 0, err
	}
	err = s.db.Update(func(tx *bbolt.Tx) error {
		removed = 0
		for name, keys := range unneeded {
			for _, k := range keys {
				if err := tx.Bucket([]byte(name)).Delete(k); err != nil {
					return err
				}
			}
			removed += len(keys)
		}
		return nil
	})
	return removed, err
}

func (s *Store) saveHolds(tx *bbolt.Tx, holds *[]query.Hold) error {
	if holds == nil {
		return nil
	}
	data, err := json.Marshal(*holds)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keyHolds, s.seal(keyHolds, data))
}

func (s *Store) get(bucket []byte, key string) ([]byte, error) {
	var out []byte
	err := s.db.View(func(tx *bbolt.Tx) error {
		v := tx.Bucket(bucket).Get([]byte(key))
		if v == nil {
			return nil
		}
		data, err := s.unseal([]byte(key), v)
		if err != nil {
			return nil // a value that cannot be read is as one that is not there
		}
		out = data
		return nil
	})
	return out, err
}

// seal encrypts a value and binds it to its key.
func (s *Store) seal(key, value []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(value)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand
	return s.aead.Seal(nonce, nonce, value, key)
}

func (s *Store) unseal(key, sealed []byte) ([]byte, error) {
	if len(sealed) < s.aead.NonceSize() {
		return nil, errors.New("too short")
	}
	return s.aead.Open(nil, sealed[:s.aead.NonceSize()], sealed[s.aead.NonceSize():], key)
}

// Writable says why nothing can be stored now. It writes nothing that changes what is stored.
func (s *Store) Writable() error {
	if err := s.db.Update(func(*bbolt.Tx) error { return nil }); err != nil {
		return fmt.Errorf("%s cannot be written: %w: check the disk and its free space", s.db.Path(), err)
	}
	return nil
}
