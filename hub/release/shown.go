package release

import (
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// AddTo adds an app's held deletions to those of the same revision, of clusters that come in order.
func (h *AppHold) AddTo(g *query.Hold, cluster, app string) {
	g.Count += h.Count
	if h.Since.Before(g.Since) {
		g.Since = h.Since
	}
	if n := len(g.Clusters); n == 0 || g.Clusters[n-1] != cluster { // they come in order
		g.Clusters = append(g.Clusters, cluster)
	}
	if !slices.Contains(g.Apps, app) {
		g.Apps = append(g.Apps, app)
	}
	for _, ref := range h.Objects {
		if text := ref.String(); len(g.Objects) < protocol.MaxHeldObjects && !slices.Contains(g.Objects, text) {
			g.Objects = append(g.Objects, text)
		}
	}
	for _, text := range h.Why() {
		if !strings.Contains(g.Reason, text) {
			g.Reason = strings.TrimPrefix(g.Reason+", and "+text, ", and ")
		}
	}
}

// Held are the apps of a cluster whose deletions are held.
func (d Deletions) Held() (out []string) {
	for _, hold := range d.Holds() {
		out = append(out, hold.App)
	}
	return out
}
