package hub

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// ErrFull says that the bus has no space left.
var ErrFull = errors.New("the bus has no space left")

const (
	// keepGenerations is how many generations of a cluster keep their blobs: what an agent that is behind may still
	// fetch.
	keepGenerations = 10
	// collectAfter is how many generations are published before the next collection, collectEvery how long it takes
	// at most after something was published.
	collectAfter = 256
	collectEvery = 10 * time.Minute
	// fullPause is how long the hub waits before it tries a full bus again, where nobody publishes anything
	// meanwhile.
	fullPause = 15 * time.Second
)

// Retired is a blob that left a cluster's bundle. It is kept for keepGenerations more.
type Retired struct {
	Blob       string `json:"blob"`       // its id
	Generation uint64 `json:"generation"` // the last one that named it
}

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

// blobsIn adds the ids of all blobs that v names, wherever they are in it.
func blobsIn(v reflect.Value, to map[string]bool) {
	if v.Kind() == reflect.Struct && v.Type() == reflect.TypeFor[protocol.Blob]() {
		if b := v.Interface().(protocol.Blob); len(b.Key) > 0 {
			to[b.ID()] = true
		}
		return
	}
	if !mayHaveBlobs(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			blobsIn(v.Elem(), to)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				blobsIn(v.Field(i), to)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			blobsIn(v.Index(i), to)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			blobsIn(v.MapIndex(key), to)
		}
	}
}

// mayHaveBlobs says whether there can be a blob in a value of a type that is no blob.
func mayHaveBlobs(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		switch t.Elem().Kind() {
		case reflect.Struct, reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Interface:
			return true
		}
		return false
	case reflect.Struct:
		return t != reflect.TypeFor[time.Time]()
	}
	return t.Kind() == reflect.Interface
}

// garbage is what the hub knows of what it could remove.
type garbage struct {
	published int                  // generations since the last collection
	unnamed   map[string]time.Time // blobs on the bus that nothing names: since when
	dropped   []string             // blobs that may be on the bus still, because their removal was not acknowledged
	timer     *time.Timer          // of the next collection; nil if none is due
	full      bool                 // the bus has no space left
	onBus     map[string]uint64    // generations that clusters have there, as far as is known
}

// sent notes which bundles the bus has now.
func (g *garbage) sent(bundles []Delivery) {
	if g.onBus == nil {
		g.onBus = map[string]uint64{}
	}
	for _, d := range bundles {
		g.onBus[d.Cluster] = d.Generation
	}
}

func (g *garbage) stop() {
	if g.timer != nil {
		g.timer.Stop()
	}
}

// collectIn has the loop collect after a while, if that is not due anyway.
func (h *Hub) collectIn(d time.Duration) {
	if h.garbage.timer != nil {
		return
	}
	h.garbage.timer = time.AfterFunc(d, func() {
		h.do(func(ctx context.Context) error {
			h.garbage.timer = nil
			h.collect(ctx, h.grace())
			if !h.garbage.full {
				return nil
			}
			_, err := h.send(ctx)
			return err
		})
	})
}

func (h *Hub) grace() time.Duration {
	if h.Grace > 0 {
		return h.Grace
	}
	return collectEvery
}

// collected is called when generations were published: it removes what nothing needs any more, now or later.
func (h *Hub) collected(ctx context.Context, published int) {
	if published == 0 {
		return
	}
	if h.garbage.published += published; h.garbage.published >= collectAfter {
		h.collect(ctx, h.grace())
	}
	h.collectIn(min(collectEvery, h.grace()))
}

// collect removes from the store and from the bus what nothing names: no record of a cluster, its last
// keepGenerations generations among them, and no answer that is in use. A blob on the bus is removed when nothing has
// named it for a while, so that an agent that is fetching it is done; without grace only what the newest bundles need
// is left there. Removing is never urgent: what fails is tried again later, and is no error.
func (h *Hub) collect(ctx context.Context, grace time.Duration) {
	if h.base == nil {
		return // what is in use is known after the first revision
	}
	h.garbage.published = 0
	begin := time.Now()
	needed, named, stored := h.named()
	lists := h.listsInUse()
	kept := h.Resolver.Sweep(h.resolved, stored)
	removed, err := h.Store.Collect(func(key string) bool {
		digest, ok := strings.CutPrefix(key, memoAPIs)
		return ok && lists[digest] || kept[key]
	}, func(id string) bool { return stored[id] })
	if err != nil {
		h.Log.Warn("the store keeps what is not needed any more; it is removed later", "err", err)
	}
	if grace == 0 {
		named = needed
	}
	var gone []string
	left := 0
	if h.knowsBus() {
		gone, left = h.unnamed(named, grace)
		h.drop(ctx, gone)
	}
	if left > 0 {
		h.collectIn(grace)
	}
	if removed+len(gone) > 0 {
		h.Log.Info("removed what no cluster needs any more", "stored", removed, "blobs", len(gone),
			"took", time.Since(begin).Round(time.Millisecond))
	}
}

// named are the blobs that bundles on the bus need, all that records name, and all that resolutions need beside
// these.
func (h *Hub) named() (needed, named, stored map[string]bool) {
	needed, named, stored = map[string]bool{}, map[string]bool{}, map[string]bool{}
	for name, r := range h.records {
		blobsIn(reflect.ValueOf(r.Bundle), needed)
		blobsIn(reflect.ValueOf(r), named)
		for _, old := range r.Retired {
			named[old.Blob] = true
			if h.unsent[name] && old.Generation >= h.garbage.onBus[name] { // the bundle on the bus names it
				needed[old.Blob] = true
			}
		}
	}
	for id := range named {
		stored[id] = true
	}
	for _, res := range h.resolved {
		for _, a := range res.Apps {
			if a.Ref != nil {
				stored[a.Ref.ID()] = true
			}
		}
	}
	return needed, named, stored
}

// knowsBus says whether all bundles on the bus are known, and this hub is the one that publishes: else what nothing here
// names may be needed all the same.
func (h *Hub) knowsBus() bool {
	if !h.open() {
		return false
	}
	for name, floor := range h.floors {
		if h.records[name].Bundle.Generation < floor {
			return false
		}
	}
	return true
}

// listsInUse are the digests of what the clusters' API servers serve.
func (h *Hub) listsInUse() map[string]bool {
	out := map[string]bool{}
	for _, r := range h.records {
		out[r.APIs] = true
	}
	h.served.mu.Lock()
	defer h.served.mu.Unlock()
	for digest := range h.served.lists {
		out[digest] = true
	}
	return out
}

// unnamed are the blobs on the bus that nothing has named for a while, and how many will be among them later.
func (h *Hub) unnamed(named map[string]bool, grace time.Duration) (gone []string, left int) {
	now := time.Now()
	since := map[string]time.Time{}
	for id := range h.held {
		if named[id] {
			continue
		}
		first, ok := h.garbage.unnamed[id]
		if !ok {
			first = now
		}
		if now.Sub(first) >= grace {
			gone = append(gone, id)
		} else {
			since[id] = first
		}
	}
	h.garbage.unnamed = since
	for _, id := range h.garbage.dropped {
		if !named[id] && !h.held[id] {
			gone = append(gone, id)
		}
	}
	return gone, len(since)
}

// drop removes blobs from the bus.
func (h *Hub) drop(ctx context.Context, ids []string) {
	h.garbage.dropped = nil
	if len(ids) == 0 {
		return
	}
	for _, id := range ids {
		delete(h.held, id) // whoever needs it publishes it again
	}
	if err := h.Bus.Drop(ctx, ids); err != nil {
		h.garbage.dropped = ids
		h.Log.Warn("blobs that nobody needs stay on the bus; they are removed later", "blobs", len(ids), "err", err)
		h.collectIn(h.grace())
	}
}

// share gives the bus blobs and bundles, and says which bundles it has. When it is full, what nobody needs is removed
// at once, and then every cluster is served by itself, so that one that needs much keeps none from what needs little.
func (h *Hub) share(ctx context.Context, blobs []model.Packed, bundles []Delivery) ([]Delivery, error) {
	sent, err := h.put(ctx, blobs, bundles)
	if errors.Is(err, ErrFull) {
		h.putAgain(ctx, blobs)
		sent, err = h.put(ctx, blobs, bundles)
	}
	switch {
	case err == nil && !sent:
		return nil, nil // another hub publishes
	case err == nil:
		h.garbage.sent(bundles)
		for _, p := range blobs {
			h.held[p.Ref.ID()] = true
		}
		if h.garbage.full {
			h.garbage.full = false
			h.stalled(nil)
		}
		h.collected(ctx, len(bundles))
		return bundles, nil
	case !errors.Is(err, ErrFull):
		return nil, err
	}
	h.putAgain(ctx, blobs)
	return h.putEach(ctx, blobs, bundles)
}

// putAgain makes space on a full bus. What was to be put there may be there in part.
func (h *Hub) putAgain(ctx context.Context, blobs []model.Packed) {
	partly := make([]string, 0, len(blobs))
	for _, p := range blobs {
		partly = append(partly, p.Ref.ID())
	}
	h.drop(ctx, partly)
	h.collect(ctx, 0)
}

// putEach gives a full bus one bundle after the other, those that need least first. Those that do not fit are shown,
// and tried again.
func (h *Hub) putEach(ctx context.Context, blobs []model.Packed, bundles []Delivery) (put []Delivery, err error) {
	type parcel struct {
		Delivery
		blobs []model.Packed
		size  int
	}
	have := map[string]model.Packed{}
	for _, p := range blobs {
		have[p.Ref.ID()] = p
	}
	var parcels []parcel
	for _, d := range bundles {
		x := parcel{Delivery: d, size: len(d.Sealed)}
		for _, a := range h.records[d.Cluster].Bundle.Apps {
			if a.Blob == nil {
				continue
			}
			if p, ok := have[a.Blob.ID()]; ok {
				x.blobs, x.size = append(x.blobs, p), x.size+len(p.Sealed)
			}
		}
		parcels = append(parcels, x)
	}
	slices.SortFunc(parcels, func(a, b parcel) int { return a.size - b.size })
	var unfit []string
	for _, x := range parcels {
		missing := slices.DeleteFunc(x.blobs, func(p model.Packed) bool { return h.held[p.Ref.ID()] })
		switch sent, err := h.put(ctx, missing, []Delivery{x.Delivery}); {
		case errors.Is(err, ErrFull):
			partly := make([]string, 0, len(missing))
			for _, p := range missing {
				partly = append(partly, p.Ref.ID())
			}
			h.drop(ctx, partly)
			unfit = append(unfit, x.Cluster)
		case err != nil || !sent:
			return put, err
		default:
			h.garbage.sent([]Delivery{x.Delivery})
			for _, p := range missing {
				h.held[p.Ref.ID()] = true
			}
			put = append(put, x.Delivery)
		}
	}
	if len(unfit) == 0 {
		return put, nil
	}
	slices.Sort(unfit)
	err = fmt.Errorf("%w: %d clusters keep their last bundle (%s, …); retrying in %s: give NATS more space "+
		"(--nats-max-store of the hub, or the limits and the disk of an external server), or publish less",
		ErrFull, len(unfit), unfit[0], fullPause)
	h.Log.Error("bundles are not published", "clusters", len(unfit), "err", err)
	h.garbage.full = true
	h.stalled(err)
	h.collectIn(fullPause)
	return put, nil
}
