package hub

import (
	"context"
	"errors"
	"slices"

	"github.com/drover-dev/drover/hub/resolve"
)

// rendered resolves the clusters whose renders have finished.
func (h *Hub) rendered(ctx context.Context) error {
	if h.plans.base == nil {
		return nil // the first revision decides: it asks for everything again
	}
	names := h.Resolver.Take()
	if len(names) > 0 && names[0] == "" { // what concerns many clusters: it sorts first
		more, err := h.plans.reselect(ctx)
		if err != nil {
			return err
		}
		if names = append(names[1:], more...); h.publisher.releasing.rolling.follow() {
			names = append(names, h.plans.known()...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !h.plans.lists(name)
	})
	slices.Sort(names)
	return h.resolveLate(ctx, slices.Compact(names))
}

// resolveLate resolves clusters whose bundles were put off in the turn of their commit, and ends as that turn does:
// what a cluster no longer uses or no longer waits for is known only now.
func (h *Hub) resolveLate(ctx context.Context, names []string) error {
	if h.plans.base == nil || len(names) == 0 {
		return nil // the first revision decides
	}
	h.publisher.releasing.losses.lately(true)
	_, err := h.resolveAll(ctx, h.plans.base, names)
	h.publisher.releasing.losses.lately(false)
	if err != nil {
		return err
	}
	h.plans.showSources()
	return errors.Join(h.rounds.roll(ctx), h.publisher.catchUp(ctx))
}

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
	defer h.plans.showSources()
	if h.plans.base == nil {
		return nil // the first revision comes to it
	}
	names := h.plans.using(key)
	if slices.Contains(h.plans.apps.Places(), resolve.SourcePlace(key)) {
		more, err := h.plans.reselect(ctx)
		if err != nil {
			return err
		}
		if h.publisher.releasing.rolling.follow() {
			more = append(more, h.plans.known()...)
		}
		names = append(names, slices.DeleteFunc(more, func(name string) bool { return !h.plans.lists(name) })...)
		slices.Sort(names)
	}
	if _, err := h.resolveAll(ctx, h.plans.base, slices.Compact(names)); err != nil {
		return err
	}
	return h.rounds.roll(ctx)
}
