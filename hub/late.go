package hub

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
)

// rendered resolves the clusters whose renders have finished.
func (h *Hub) rendered(ctx context.Context) error {
	if h.plans.base == nil {
		return nil // the first revision decides: it asks for everything again
	}
	names := h.Resolver.renders.take()
	if len(names) > 0 && names[0] == "" { // what concerns many clusters: it sorts first
		changed, err := h.Resolver.refresh(ctx, h.plans.base)
		if err != nil {
			return err
		}
		if names = names[1:]; changed {
			names = append(names, h.plans.reselected()...)
			h.plans.showProblems()
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !h.plans.lists(name)
	})
	slices.Sort(names)
	return h.resolveLate(ctx, slices.Compact(names))
}

// resolveLate resolves clusters whose bundles were put off in the turn of their commit, and ends as that turn does: what
// a cluster no longer uses or no longer waits for is known only now.
func (h *Hub) resolveLate(ctx context.Context, names []string) error {
	if h.plans.base == nil || len(names) == 0 {
		return nil // the first revision decides
	}
	h.publisher.losses.late.late = true
	_, err := h.resolveAll(ctx, h.plans.base, names)
	h.publisher.losses.late.late = false
	if err != nil {
		return err
	}
	h.plans.showSources()
	return h.publisher.catchUp(ctx)
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
	_, err := h.resolveAll(ctx, h.plans.base, h.plans.using(key))
	return err
}

// renderAside has charts and folders rendered beside the loop until the function that it gives is called.
func (h *Hub) renderAside(ctx context.Context) (stop func()) {
	p := newRenders(ctx)
	h.Resolver.renders = p
	go func() {
		for {
			select {
			case <-p.done:
				h.do(h.rendered)
			case <-p.ctx.Done():
				return
			}
		}
	}()
	return p.close
}

// tick looks for other hubs, and goes on with what waits for time to pass.
func (h *Hub) tick(ctx context.Context) error {
	defer h.arm()
	if err := h.publisher.convene(ctx, nil); err != nil {
		if ctx.Err() == nil {
			h.Log.Debug("other hubs cannot be asked for; they are when NATS is back", "err", err)
		}
		return nil
	}
	if h.publisher.fence.ripe {
		return h.publisher.reconcile(ctx)
	}
	return h.publisher.catchUp(ctx)
}

// arm sets when tick is due next.
func (h *Hub) arm() {
	d := h.publisher.fence.pace()
	if at := h.publisher.fresh.due(); !at.IsZero() && (d == 0 || time.Until(at) < d) {
		d = max(time.Until(at), time.Millisecond)
	}
	if h.wake = nil; d > 0 {
		h.wake = time.After(d)
	}
}

// heard is for the first report of a cluster since the hub started. If it has no folder, nobody may have known of it: then
// the store was lost.
func (h *Hub) heard(ctx context.Context, cluster string) error {
	if h.plans.listing == nil {
		return nil // the first revision decides
	}
	if h.plans.lists(cluster) {
		return nil
	}
	return h.publisher.depart(ctx)
}

// identified seals the bundles of clusters again, where their agents use another key now.
func (h *Hub) identified(ctx context.Context, clusters []string) error {
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range clusters {
			if _, known := x.Get(name); known {
				introduce(h.Identities, x.Edit(name))
			}
		}
	})
	var wanted []string
	for _, name := range clusters {
		if h.publisher.outgoing.outdated(name) {
			h.publisher.outgoing.resend(name)
		}
		if h.plans.of(name) != nil {
			wanted = append(wanted, name)
		}
	}
	_, err := h.publisher.publish(ctx, wanted)
	if h.publisher.approvals.holds(clusters) {
		h.publisher.showHolds(nil)
	}
	h.publisher.cutOff() // a released cluster whose agent is known again, because the hub had forgotten that it was revoked
	return err
}

// introduce brings up to date what is shown of a cluster's identity.
func introduce(identities Credentials, c *query.Cluster) {
	_, c.Joined = identities.OpenKey(c.Name)
	id := identities.Identity(c.Name)
	c.Expires, c.Revoked = id.Expires, !id.Revoked.IsZero()
	forgetCopy(c, id)
}
