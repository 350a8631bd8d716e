package orphans

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/guard"
	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/internal/order"
	"github.com/drover-dev/drover/internal/phrase"
	"github.com/drover-dev/drover/protocol"
)

// confront compares what was found with what is wanted. It holds what nothing wants, by app, and deletes what was
// approved. left is how many objects there are that nothing wants.
func (s *Search) confront(ctx context.Context, found []agent.Found) (left int, deleted bool) {
	unwanted := slices.DeleteFunc(found, func(f agent.Found) bool { return s.c.Apps.Wanted(f.Ref) })
	left = len(unwanted)
	bundle := s.c.Apps.Accepted().Bundle
	held, doomed, grown := judge(s.c.Name, unwanted, s.saved.Approved, bundle.Deletions)
	if bundle.Suspend {
		doomed = nil
	}
	if s.saved.Approved = append(s.saved.Approved, grown...); len(grown) > 0 && s.insist(ctx,
		func() error { return s.save(ctx) }) != nil {
		return left, false
	}
	inside, deleted := s.deleteAll(ctx, doomed)
	if left > 0 {
		s.tell(append(held, inside...))
	}
	return left, deleted
}

// judge parts the objects that nothing wants into those that are held, by app, and those that may be deleted, because
// the uid of the object was approved before, or because the hold is approved now. grown are the uids of the latter.
func judge(cluster string, unwanted []agent.Found, approved []string, d *protocol.Deletions) (held []protocol.Held,
	doomed []agent.Found, grown []string) {
	byApp := map[string][]agent.Found{}
	for _, f := range unwanted {
		byApp[f.App] = append(byApp[f.App], f)
	}
	for _, app := range slices.Sorted(maps.Keys(byApp)) {
		rest := slices.DeleteFunc(byApp[app], func(f agent.Found) bool {
			yes := slices.Contains(approved, f.UID)
			if yes {
				doomed = append(doomed, f)
			}
			return yes
		})
		if len(rest) == 0 {
			continue
		}
		h := holdOf(cluster, app, rest)
		if d == nil || !slices.Contains(d.Approved, h.ID) {
			held = append(held, h)
			continue
		}
		for _, f := range rest {
			grown = append(grown, f.UID)
		}
		doomed = append(doomed, rest...)
	}
	return held, doomed, grown
}

// holdOf is the hold of what was found of an app.
func holdOf(cluster, app string, list []agent.Found) protocol.Held {
	refs, uids := make([]protocol.ObjectRef, 0, len(list)), make([]string, 0, len(list))
	for _, f := range list {
		refs, uids = append(refs, f.Ref), append(uids, f.UID)
	}
	slices.Sort(uids)
	h := guard.Held(protocol.HoldOrphans, cluster, app, refs, uids...)
	h.Message = fmt.Sprintf("%s that Drover applied for app %s and that nothing wants any more, found after the "+
		"inventory "+
		"was lost: %s; delete with drover approve %s, or keep with the annotation %s: %s", phrase.Count(len(refs),
		"object"), app,
		guard.Some(h.Objects, h.Count), h.ID, fleet.AnnotationPrune, fleet.PruneDisabled)
	return h
}

// deleteAll deletes what was approved, in the reverse of the order of applying. inside are those that hold something
// else.
func (s *Search) deleteAll(ctx context.Context, list []agent.Found) (inside []protocol.Held, deleted bool) {
	order.Sort(list, func(a, b agent.Found) int { return fleet.CompareApply(b.Ref, a.Ref) })
	goes := func(f agent.Found) bool {
		return slices.ContainsFunc(list, func(x agent.Found) bool { return x.UID == f.UID })
	}
	for _, f := range list {
		if ctx.Err() != nil {
			return inside, deleted
		}
		held, err := s.delete(ctx, f, goes)
		switch {
		case held != nil:
			inside = append(inside, *held)
		case err != nil:
			s.c.Log.Warn("an object whose deletion was approved could not be deleted; retrying",
				"object", f.Ref.String(), "err", err)
		default:
			deleted = true
		}
	}
	return inside, deleted
}

// delete deletes just the object that was found, if nothing has come to want or keep it since.
func (s *Search) delete(ctx context.Context, f agent.Found, goes func(agent.Found) bool) (*protocol.Held, error) {
	live, err := s.c.Cluster.Get(ctx, f.Resource, f.Ref)
	switch reason := agent.ReasonOf(err); {
	case reason == agent.ReasonMissing || reason == agent.ReasonKind || reason == agent.ReasonNamespace:
		return nil, nil
	case err != nil:
		return nil, err
	case live.UID != f.UID || live.App != f.App || live.Fields == agent.Sum{} || live.KeptBy != "" || live.Deleting:
		return nil, nil
	}
	if held, err := s.c.Cluster.Lost(ctx, f.App, live, goes); held != nil || err != nil {
		return held, err
	}
	if s.c.Apps.Wanted(f.Ref) || s.c.Apps.Unsure() != "" || s.c.Apps.Accepted().Bundle.Suspend {
		return nil, nil
	}
	if _, err := s.c.Cluster.Delete(ctx, f.Resource, live); err != nil {
		return nil, err
	}
	s.c.Journal.Record(protocol.Event{Kind: protocol.EventPruned, App: f.App, Object: &f.Ref,
		Message: "deleted, because nothing wanted it any more and its deletion was approved"})
	return nil, nil
}
