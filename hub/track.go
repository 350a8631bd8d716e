package hub

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/resolve"
)

// track hands on which sources moved.
func (h *Hub) track(ctx context.Context) {
	for {
		select {
		case key := <-h.Sources.Moved():
			h.do(func(ctx context.Context) error { return h.refreshed(ctx, key) })
		case <-ctx.Done():
			return
		}
	}
}

// refreshed resolves the clusters that use a source.
func (h *Hub) refreshed(ctx context.Context, key string) error {
	defer h.showSources()
	if h.base == nil {
		return nil // the first revision comes to it
	}
	names := make([]string, 0, len(h.places[resolve.SourcePlace(key)]))
	for name := range h.places[resolve.SourcePlace(key)] {
		names = append(names, name)
	}
	slices.Sort(names)
	_, err := h.resolveAll(ctx, h.base, names)
	return err
}

// showSources brings up to date what is shown of the sources, and ends those that nobody uses any more.
func (h *Hub) showSources() {
	if h.Sources == nil {
		return
	}
	if h.base != nil && len(h.again) == 0 { // else a cluster that was not read may use one
		h.Sources.Retain(func(key string) bool { return len(h.places[resolve.SourcePlace(key)]) > 0 })
	}
	states := h.Sources.States()
	h.state.edit(func(_ *query.Index, s *SourceStatus) { s.Sources = states })
}
