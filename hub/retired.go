package hub

import (
	"github.com/drover-dev/drover/protocol"
)

// retire lists what former bundles of a cluster named when b follows the one of prev.
func retire(prev Record, b protocol.Bundle) []Retired {
	now := map[string]bool{}
	for _, a := range b.Apps {
		if a.Blob != nil {
			now[a.Blob.ID()] = true
		}
	}
	var out []Retired
	for _, r := range prev.Retired {
		if !now[r.Blob] && r.Generation+keepGenerations >= b.Generation {
			out = append(out, r)
		}
	}
	for _, a := range prev.Bundle.Apps {
		if a.Blob != nil && !now[a.Blob.ID()] {
			out = append(out, Retired{a.Blob.ID(), prev.Bundle.Generation})
			now[a.Blob.ID()] = true
		}
	}
	return out
}
