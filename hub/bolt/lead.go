package bolt

import (
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/drover-dev/drover/hub"
)

// Lead implements hub.Leads. A file of a release that is older than epochs has none.
func (s *Store) Lead() (lead hub.Lead, known bool, err error) {
	data, err := s.get(bucketMeta, string(keyLead))
	if err != nil || data == nil {
		return lead, false, err
	}
	if err := json.Unmarshal(data, &lead); err != nil {
		return lead, false, fmt.Errorf("the hub's epoch in %s: %w", s.db.Path(), err)
	}
	return lead, true, nil
}

// SaveLead implements hub.Leads.
func (s *Store) SaveLead(lead hub.Lead) error {
	data, err := json.Marshal(lead)
	if err != nil {
		return err
	}
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyLead, s.seal(keyLead, data)) })
}

// Restored marks the store at path, which no hub has open, as one that was restored: its hub is not the one that was
// saved, which may still run. A file that cannot be read is left as it is: the hub sets it aside, and takes itself
// for a new one then.
func Restored(path string, secret []byte) error {
	aead, err := cipherOf(secret)
	if err != nil {
		return err
	}
	s, err := open(path, aead)
	if err != nil {
		return nil
	}
	defer func() { _ = s.Close() }()
	lead, _, err := s.Lead()
	if err != nil {
		return err
	}
	lead.Claim = true
	return s.SaveLead(lead)
}
