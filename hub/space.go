package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/model"
)

// carrier is what the collector needs of the publisher: put gives the bus blobs and bundles and says whether it did,
// collect removes what nothing needs.
type carrier interface {
	put(ctx context.Context, blobs []model.Packed, bundles []Delivery) (bool, error)
	collect(ctx context.Context, grace time.Duration)
}

// share gives the bus blobs and bundles, and says which bundles it has. When it is full, what nobody needs is removed
// at once, and then every cluster is served by itself, so that one that needs much keeps none from what needs little.
func (c *collector) share(ctx context.Context, by carrier, blobs []model.Packed, bundles []Delivery) ([]Delivery, error) {
	sent, err := by.put(ctx, blobs, bundles)
	if errors.Is(err, ErrFull) {
		c.makeSpace(ctx, by, blobs)
		sent, err = by.put(ctx, blobs, bundles)
	}
	switch {
	case err == nil && !sent:
		return nil, nil // another hub publishes
	case err == nil:
		c.outgoing.put(blobs, bundles)
		if c.full {
			c.full = false
			c.state.stalled(nil)
		}
		if c.published += len(bundles); c.published >= collectAfter {
			by.collect(ctx, c.grace)
		}
		c.in(min(collectEvery, c.grace))
		return bundles, nil
	case !errors.Is(err, ErrFull):
		return nil, err
	}
	c.makeSpace(ctx, by, blobs)
	return c.putEach(ctx, by, blobs, bundles)
}

// makeSpace removes what it can from a full bus. What was to be put there may be there in part.
func (c *collector) makeSpace(ctx context.Context, by carrier, blobs []model.Packed) {
	c.drop(ctx, idsOf(blobs))
	by.collect(ctx, 0)
}

func idsOf(blobs []model.Packed) []string {
	out := make([]string, 0, len(blobs))
	for _, p := range blobs {
		out = append(out, p.Ref.ID())
	}
	return out
}

// putEach gives a full bus one bundle after the other, those that need least first. Those that do not fit are shown,
// and tried again.
func (c *collector) putEach(ctx context.Context, by carrier, blobs []model.Packed, bundles []Delivery) (put []Delivery, err error) {
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
		for _, a := range c.outgoing.ledger.of(d.Cluster).Bundle.Apps {
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
		missing := slices.DeleteFunc(x.blobs, func(p model.Packed) bool { return c.outgoing.blobs[p.Ref.ID()] })
		switch sent, err := by.put(ctx, missing, []Delivery{x.Delivery}); {
		case errors.Is(err, ErrFull):
			c.drop(ctx, idsOf(missing))
			unfit = append(unfit, x.Cluster)
		case err != nil || !sent:
			return put, err
		default:
			c.outgoing.put(missing, []Delivery{x.Delivery})
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
	c.log.Error("bundles are not published", "clusters", len(unfit), "err", err)
	c.full = true
	c.state.stalled(err)
	c.in(fullPause)
	return put, nil
}
