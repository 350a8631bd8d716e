package bolt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.etcd.io/bbolt"

	"github.com/drover-dev/drover/protocol"
)

// batchBytes is about how much is written in one transaction.
const batchBytes = 8 << 20

// reencrypted opens a file that is encrypted under a former secret, after it was encrypted under secret: its values,
// and the blobs, so that nothing of it opens with the former one. Bundles name the new blobs then, so that every
// cluster is published a new one. The file is replaced in one step, when all of it is there.
func reencrypted(path string, secret []byte, log *slog.Logger, former [][]byte) (*Store, error) {
	for _, old := range former {
		if old == nil {
			continue
		}
		aead, err := cipherOf(old)
		if err != nil {
			return nil, err
		}
		from, err := open(path, aead)
		if errors.Is(err, errSecret) {
			continue
		}
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		to, err := from.copyUnder(path+".next", secret)
		_ = from.Close()
		if err != nil {
			return nil, fmt.Errorf("encrypt the hub's store under the next secret: %w", err)
		}
		_ = to.Close()
		if err := os.Rename(path+".next", path); err != nil {
			return nil, fmt.Errorf("encrypt the hub's store under the next secret: %w", err)
		}
		log.Info("the hub's store is encrypted under the next secret of the fleet", "took", time.Since(begin).Round(time.Millisecond))
		if aead, err = cipherOf(secret); err != nil {
			return nil, err
		}
		return open(path, aead)
	}
	return nil, errSecret
}

// copyUnder copies the store into a new file under another secret.
func (s *Store) copyUnder(path string, secret []byte) (*Store, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	aead, err := cipherOf(secret)
	if err != nil {
		return nil, err
	}
	to, err := open(path, aead)
	if err != nil {
		return nil, err
	}
	c := &copying{from: s, to: to, secret: secret, keys: map[string]string{}}
	err = s.db.View(func(tx *bbolt.Tx) error {
		c.blobs = tx.Bucket(bucketBlobs)
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if bytes.Equal(name, bucketBlobs) {
				return nil // those that values name are copied with them
			}
			return b.ForEach(func(k, v []byte) error { return c.value(name, k, v) })
		})
	})
	if err = errors.Join(err, c.flush()); err != nil {
		_ = to.Close()
		return nil, err
	}
	return to, nil
}

// copying copies values in batches.
type copying struct {
	from, to *Store
	secret   []byte
	blobs    *bbolt.Bucket
	keys     map[string]string // of blobs: from the former to the next, in base64
	batch    []entry
	size     int
}

type entry struct{ bucket, key, value []byte }

// plain are the tables that name no blobs: their values are copied to the byte.
var plain = map[string]bool{TablePeople: true, TableDecisions: true, TableAccess: true}

func (c *copying) value(bucket, key, sealed []byte) error {
	value, err := c.from.unseal(key, sealed)
	if err != nil {
		return nil // nobody can read it; it is as one that is not there
	}
	var content any
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	if !plain[string(bucket)] && bytes.Contains(value, []byte(`"key"`)) && dec.Decode(&content) == nil {
		if err := c.rekey(content); err != nil {
			return err
		}
		if record, ok := content.(map[string]any); ok && bytes.Equal(bucket, bucketRecords) {
			delete(record, "retired") // former blobs are not to stay on the bus
		}
		if value, err = json.Marshal(content); err != nil {
			return err
		}
	}
	return c.put(bucket, key, c.to.seal(key, value))
}

// rekey gives all blobs that a value names their next keys.
func (c *copying) rekey(v any) error {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			if err := c.rekey(x); err != nil {
				return err
			}
		}
	case map[string]any:
		digest, isDigest := v["digest"].(string)
		key, isKey := v["key"].(string)
		if isDigest && isKey {
			next, err := c.blob(digest, key)
			v["key"] = next
			return err
		}
		for _, x := range v {
			if err := c.rekey(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// blob copies a blob, and gives its next key. One that cannot be opened keeps its own: it is as one that is missing.
func (c *copying) blob(digest, key string) (string, error) {
	if next, ok := c.keys[key]; ok {
		return next, nil
	}
	c.keys[key] = key
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return key, nil
	}
	ref := protocol.Blob{Digest: digest, Key: raw}
	sealed := c.blobs.Get([]byte(ref.ID()))
	if sealed == nil {
		return key, nil
	}
	compressed, err := protocol.OpenBlob(ref, sealed)
	if err != nil {
		return key, nil
	}
	next, sealed, err := protocol.SealBlob(c.secret, digest, compressed)
	if err != nil {
		return key, err
	}
	c.keys[key] = base64.StdEncoding.EncodeToString(next)
	return c.keys[key], c.put(bucketBlobs, []byte(protocol.Blob{Key: next}.ID()), sealed)
}

func (c *copying) put(bucket, key, value []byte) error {
	c.batch = append(c.batch, entry{bytes.Clone(bucket), bytes.Clone(key), bytes.Clone(value)})
	if c.size += len(value); c.size < batchBytes {
		return nil
	}
	return c.flush()
}

func (c *copying) flush() error {
	err := c.to.db.Update(func(tx *bbolt.Tx) error {
		for _, e := range c.batch {
			b, err := tx.CreateBucketIfNotExists(e.bucket)
			if err != nil {
				return err
			}
			if err := b.Put(e.key, e.value); err != nil {
				return err
			}
		}
		return nil
	})
	c.batch, c.size = nil, 0
	return err
}
