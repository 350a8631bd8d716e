package hub

import (
	"context"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/people"
	"github.com/drover-dev/drover/protocol"
)

// Approve lets through what is held under an id, or since a revision where that is one thing alone; the revision may
// be cut to query.MinRevision characters. It returns when that is stored. An error that wraps ErrNotHeld says that
// there is nothing to approve.
func (h *Hub) Approve(ctx context.Context, name string) (query.Hold, error) {
	var approved *query.Hold
	var names []string
	p := h.publisher
	read := func(cluster string) bool { return h.plans.of(cluster) != nil }
	return ask(ctx, h, func(loop context.Context, reply func(query.Hold, error)) error {
		if approved == nil { // else it was found before, and could not be stored
			hold, err := h.publisher.approvals.heldAs(name)
			if err == nil && hold.Kind != protocol.HoldClusters {
				hold.Clusters, err = p.approvals.ready(hold.Clusters, read)
			}
			if err != nil {
				reply(query.Hold{}, err)
				return nil
			}
			approved = &hold
			if names = hold.Clusters; hold.Kind == protocol.HoldClusters {
				p.departures.approve(hold.ID)
				names = p.leave(hold.Clusters)
			}
		}
		p.approvals.let(*approved)
		if approved.Kind == protocol.HoldGeneration {
			for _, name := range names {
				if err := p.numbers.surpass(name, p.advance); err != nil {
					reply(query.Hold{}, err)
					return nil
				}
			}
		}
		if err := p.save(names); err != nil {
			return err
		}
		by := "the hub's own program"
		if who, known := people.Of(ctx); known {
			by = who.String()
		}
		h.Log.Info("a person approved what was held", "by", by, "id", approved.ID, "kind", approved.Kind,
			"revision", approved.Revision.Short(), "clusters", approved.Clusters, "apps", approved.Apps,
			"count", approved.Count)
		p.showHolds(nil)
		p.show(names)
		p.cutOff()
		reply(*approved, nil)
		if _, err := p.send(loop); err != nil || approved.Kind != protocol.HoldGeneration {
			return err
		}
		return p.catchUp(loop) // the epoch may be a new one, for all
	})
}

// Held gives what is held under a name, as Approve takes it.
func (h *Hub) Held(ctx context.Context, name string) (query.Hold, error) {
	return ask(ctx, h, func(_ context.Context, reply func(query.Hold, error)) error {
		reply(h.publisher.approvals.heldAs(name))
		return nil
	})
}

// Forget takes a released cluster off the list, with its last report. One that has yet to be pruned is left as it is,
// and its credential is revoked. An error that wraps ErrNotReleased says that the cluster is not released.
func (h *Hub) Forget(ctx context.Context, name string) error {
	_, err := ask(ctx, h, func(loop context.Context, reply func(struct{}, error)) error {
		if h.publisher.departures.since(name).IsZero() {
			reply(struct{}{}, fmt.Errorf("cluster %.80q is %w: only a cluster whose folder is gone from Git can be forgotten; see `drover cluster list`",
				name, ErrNotReleased))
			return nil
		}
		if err := errors.Join(h.Identities.Forget(name), h.Bus.Forget(loop, name)); err != nil {
			reply(struct{}{}, fmt.Errorf("cluster %s is not forgotten: %w: try again", name, err))
			return nil
		}
		if err := h.publisher.forget(name); err != nil {
			return err
		}
		reply(struct{}{}, nil)
		return nil
	})
	return err
}

// ask has the loop do something and waits for its reply. The loop tries again what ends with an error.
func ask[T any](ctx context.Context, h *Hub, task func(loop context.Context, reply func(T, error)) error) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	reply := func(v T, err error) {
		select {
		case answers <- answer{v, err}:
		default: // it was given before, and what came after it is tried again
		}
	}
	begun := false
	whole := func(loop context.Context) error {
		if !begun && ctx.Err() != nil {
			return nil // nobody waits for it any more
		}
		begun = true
		return task(loop, reply)
	}
	select {
	case h.tasks <- whole:
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return *new(T), fmt.Errorf("the hub is busy with something that does not succeed, see `drover status`: %w", ctx.Err())
	}
}

// Accept decides that a cluster's credential belongs to the cluster with a uid, which was seen to use it. An error that
// wraps ErrNotCopied says that it was not seen.
func (h *Hub) Accept(ctx context.Context, cluster, uid string) (query.Copy, error) {
	return ask(ctx, h, func(loop context.Context, reply func(query.Copy, error)) error {
		c, _ := h.state.Get(cluster)
		switch {
		case c.Copy == nil:
			reply(query.Copy{}, fmt.Errorf("cluster %.80q: %w: see `drover status`", cluster, ErrNotCopied))
			return nil
		case c.Copy.UID != uid:
			reply(query.Copy{}, fmt.Errorf("cluster %.80q: %w %.80q: it is %s; see `drover status`", cluster,
				ErrNotCopied, uid, c.Copy.UID))
			return nil
		}
		if err := h.Identities.Settle(cluster, uid); err != nil {
			return err
		}
		h.Log.Warn("a person decided to which cluster a credential belongs", "cluster", cluster, "uid", uid, "before",
			c.Copy.Known)
		h.state.edit(func(x *query.Index, _ *SourceStatus) { x.Edit(cluster).Copy = nil })
		err := h.name(loop, cluster)
		reply(*c.Copy, err)
		return err
	})
}

// name publishes a bundle that says which cluster it is for, if the last one does not: the other agent may not have
// noted it.
func (h *Hub) name(ctx context.Context, cluster string) error {
	uid, b := h.Identities.Place(cluster), h.ledger.of(cluster).Bundle
	if uid == "" || b.Generation == 0 || b.ClusterUID == uid {
		return nil
	}
	h.publisher.numbers.raise(cluster, b.Generation)
	_, err := h.publisher.publish(ctx, []string{cluster})
	return err
}
