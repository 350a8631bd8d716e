package hub

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// uncounted says whether the agent of a cluster is of a release that deletes whatever a bundle lacks, whatever
// Bundle.Deletions permits: these count no terms either.
func (h *Hub) uncounted(cluster string) bool {
	r := h.reportOf(cluster)
	return r != nil && r.Agent.Term == 0
}

// withhold keeps apps whose deletions are held as they were in the last bundle, for an agent that would not hold them.
func withhold(b *protocol.Bundle, last protocol.Bundle, d Deletions) {
	for name, a := range d.Apps {
		kept := find(last.Apps, name)
		if a.Hold == nil || kept == nil {
			continue
		}
		app := *kept
		app.Error = fmt.Sprintf("kept at the last version, because the new one deletes %d of its objects, which waits for "+
			"an approval (drover approve %s), and this release of the agent does not hold deletions: upgrade the agent, "+
			"or approve", a.Hold.Count, a.Hold.ID)
		if now := find(b.Apps, name); now != nil {
			*now = app
			continue
		}
		b.Apps = append(b.Apps, app)
	}
	slices.SortFunc(b.Apps, func(a, b protocol.App) int { return strings.Compare(a.Name, b.Name) })
}
