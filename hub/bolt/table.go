package bolt

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// The tables there are.
const (
	TablePeople    = "people"    // tokens of people
	TableDecisions = "decisions" // the journal of what was decided
	TableAccess    = "access"    // which roles there were last
)

// Table is a part of the store with keys of its own.
type Table struct {
	store *Store
	name  []byte
}

// Table gives a part of the store, by one of the names above.
func (s *Store) Table(name string) *Table { return &Table{s, []byte(name)} }

// Load gives all there is, by key. What cannot be read is left out.
func (t *Table) Load() (map[string][]byte, error) {
	out := map[string][]byte{}
	err := t.store.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(t.name)
		if bucket == nil {
			return nil
		}
		return bucket.ForEach(func(k, v []byte) error {
			if data, err := t.store.unseal(k, v); err == nil {
				out[string(k)] = data
			}
			return nil
		})
	})
	return out, err
}

// Get gives what is stored under a key; nil if there is nothing, or it cannot be read.
func (t *Table) Get(key string) (out []byte, err error) {
	err = t.store.db.View(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(t.name)
		if bucket == nil {
			return nil
		}
		v := bucket.Get([]byte(key))
		if data, err := t.store.unseal([]byte(key), v); err == nil {
			out = data
		}
		return nil
	})
	return out, err
}

// Save stores all changes, or nothing; nil is a key that is dropped. It returns when that is on disk.
func (t *Table) Save(changes map[string][]byte) error {
	return t.store.db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(t.name)
		if err != nil {
			return err
		}
		for key, v := range changes {
			if v == nil {
				err = bucket.Delete([]byte(key))
			} else {
				err = bucket.Put([]byte(key), t.store.seal([]byte(key), v))
			}
			if err != nil {
				return fmt.Errorf("%s of the table %s: %w", key, t.name, err)
			}
		}
		return nil
	})
}
