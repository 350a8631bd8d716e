package tree

import (
	"github.com/drover-dev/drover/hub/resolve"
)

// memory keeps the blobs of what was rendered, by their ids, for as long as the command runs.
type memory struct{ blobs map[string][]byte }

var _ resolve.Memos = (*memory)(nil)

// Memo implements resolve.Memos: the resolver remembers by itself what it was asked in this process.
func (*memory) Memo(string) ([]byte, error) { return nil, nil }

// Blob implements resolve.Memos.
func (m *memory) Blob(id string) ([]byte, error) { return m.blobs[id], nil }

// save takes in what was rendered since the last call.
func (m *memory) save(u resolve.Unsaved) error {
	if m.blobs == nil {
		m.blobs = map[string][]byte{}
	}
	for _, p := range u.Blobs {
		m.blobs[p.Ref.ID()] = p.Sealed
	}
	return nil
}
