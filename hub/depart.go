package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/release"
)

// ErrNotReleased says that a cluster still has its folder, or was never known.
var ErrNotReleased = errors.New("not released")

// depart takes in which clusters have lost their folder since the last revision, or since what the hub knew when it
// started; release.Leaving decides which of them are released, and which are held until a person approves.
//
// While nothing may be published this waits: the hub may see an older state of Git than another hub has published.
func (h *Hub) depart(ctx context.Context) error {
	first := h.base == nil || h.fresh.departing
	if h.fresh.departing = h.withheldFromAll() != nil; h.fresh.departing {
		return nil
	}
	h.welcome()
	h.cutOff()
	gone, before := h.state.without(h.listing.names)
	lost := make([]release.Gone, len(gone))
	for i, c := range gone {
		_, known := h.records[c.Name]
		_, joined := h.Identities.OpenKey(c.Name)
		lost[i] = release.Gone{Cluster: c.Name, Known: known, Joined: joined, Heard: c.Report != nil || c.Revoked}
	}
	names, held := release.Leaving(lost, first, before, h.empties)
	if len(held) > 0 {
		h.hold(held)
	}
	if len(names) == 0 && !h.holdsChanged {
		return nil
	}
	names = h.leave(names)
	if err := h.save(names); err != nil {
		return err
	}
	h.showHolds(nil)
	h.show(names)
	h.cutOff()
	_, err := h.send(ctx)
	return err
}

// welcome takes back what was said of clusters that have a folder again.
func (h *Hub) welcome() {
	back := func(name string) bool {
		_, is := slices.BinarySearch(h.listing.names, name)
		return is
	}
	returned := false
	for name := range h.left {
		if back(name) {
			delete(h.left, name)
			returned = true
		}
	}
	var still []query.Hold
	var ended []string
	for _, hold := range h.holds {
		clusters := slices.DeleteFunc(slices.Clone(hold.Clusters), back)
		if len(clusters) < len(hold.Clusters) {
			h.holdsChanged = true
			ended = append(ended, hold.Clusters...)
		}
		if hold.Clusters = clusters; len(clusters) > 0 {
			still = append(still, h.counted(hold))
		}
	}
	h.holds = still
	if len(ended) > 0 || returned {
		h.showHolds(ended)
	}
}

// hold keeps clusters as they are though their folders are gone, until a person approves.
func (h *Hub) hold(names []string) {
	h.holdsChanged = true
	for _, name := range names {
		h.forget(name)
	}
	at := slices.IndexFunc(h.holds, func(x query.Hold) bool { return x.Revision.Hash == h.revision.Hash })
	h.holds = slices.Clone(h.holds)
	if at < 0 {
		at = len(h.holds)
		h.holds = append(h.holds, query.Hold{Revision: h.revision, Since: time.Now()})
	}
	h.holds[at].Clusters = slices.Sorted(slices.Values(append(slices.Clone(h.holds[at].Clusters), names...)))
	h.holds[at] = h.counted(h.holds[at])
	h.Log.Warn("the folders of clusters are gone; nothing changes there until a person approves", "revision", h.revision.Short(),
		"clusters", h.holds[at].Clusters, "objects", h.holds[at].Count, "approve", "drover approve "+h.holds[at].ID)
	h.showHolds(names)
}

// empties says whether a cluster whose folder is gone would be pruned, and the guard of deletions holds that.
func (h *Hub) empties(name string) bool {
	r := h.records[name]
	if _, joined := h.Identities.OpenKey(name); !joined || !r.PruneOnRemove || r.Bundle.Generation == 0 {
		return false
	}
	return h.gate().Empties(release.Emptied(r.Bundle, h.revision),
		release.Released{Bundle: r.Bundle, Digest: r.Digest, Deletions: r.Deletions})
}

// counted completes a hold of removed folders: its id, and how many objects go with them.
func (h *Hub) counted(hold query.Hold) query.Hold {
	hold.Count = 0
	for _, name := range hold.Clusters {
		if r := h.records[name]; r.PruneOnRemove {
			for _, a := range r.Bundle.Apps {
				if a.Blob != nil {
					hold.Count += a.Blob.Objects
				}
			}
		}
	}
	return identify(hold)
}

// leave notes that clusters have no folder any more, and gives those that the hub remembers: where no agent was ever
// installed, nothing is left to tell.
func (h *Hub) leave(names []string) (remembered []string) {
	now := time.Now()
	for _, name := range names {
		h.forget(name)
		h.left[name] = now
	}
	h.state.edit(func(x *query.Index, _ *SourceStatus) {
		for _, name := range names {
			c := x.Edit(name)
			c.Held = nil
			if _, known := h.records[name]; known || c.Joined || c.Revoked || c.Report != nil {
				remembered = append(remembered, name)
				continue
			}
			x.Remove(name)
			delete(h.left, name)
		}
	})
	return remembered
}

// pruning says whether a released cluster has yet to be emptied.
func (h *Hub) pruning(name string) bool {
	_, joined := h.Identities.OpenKey(name)
	r := h.records[name]
	r.Released = h.left[name]
	c, _ := h.state.Get(name)
	return prunes(r, joined) && !empty(c)
}

// prunes says whether a cluster is to be emptied before its credential is revoked, as its last cluster.yaml that could be
// read had asked for.
func prunes(r Record, joined bool) bool {
	return !r.Released.IsZero() && r.PruneOnRemove && joined && r.Bundle.Generation > 0
}

// empty says whether a cluster's agent has accepted what was published last, and has no app left.
func empty(c query.Cluster) bool {
	return c.Report != nil && c.Report.Generation == c.Desired.Generation && c.Report.Digest == c.Desired.Digest &&
		len(c.Report.Apps) == 0 && len(c.Desired.Apps) == 0
}

// cutOff revokes the credentials of released clusters, of those that are pruned when that is done. What fails is tried
// again at the next revision; it keeps nobody else waiting.
func (h *Hub) cutOff() {
	if h.withheldFromAll() != nil {
		return
	}
	for name := range h.left {
		if _, joined := h.Identities.OpenKey(name); !joined || h.pruning(name) {
			continue
		}
		if err := h.Identities.Revoke(name); err != nil {
			h.Log.Error("the credential of a released cluster is not revoked yet; it is tried again at the next revision",
				"cluster", name, "err", err)
			continue
		}
		h.Log.Info("the cluster is released and its credential revoked", "cluster", name, "pruned", h.records[name].PruneOnRemove)
		h.show([]string{name})
	}
}

// Forget takes a released cluster off the list, with its last report. One that has yet to be pruned is left as it is,
// and its credential is revoked. An error that wraps ErrNotReleased says that the cluster is not released.
func (h *Hub) Forget(ctx context.Context, name string) error {
	_, err := ask(ctx, h, func(loop context.Context, reply func(struct{}, error)) error {
		if _, left := h.left[name]; !left {
			reply(struct{}{}, fmt.Errorf("cluster %.80q is %w: only a cluster whose folder is gone from Git can be forgotten; see `drover cluster list`",
				name, ErrNotReleased))
			return nil
		}
		if err := errors.Join(h.Identities.Forget(name), h.Bus.Forget(loop, name)); err != nil {
			reply(struct{}{}, fmt.Errorf("cluster %s is not forgotten: %w: try again", name, err))
			return nil
		}
		if err := h.Store.Save(Batch{Forget: []string{name}}); err != nil {
			return err
		}
		delete(h.left, name)
		delete(h.records, name)
		delete(h.holding, name)
		delete(h.floors, name)
		delete(h.unsent, name)
		h.served.forget(name)
		h.state.edit(func(x *query.Index, _ *SourceStatus) { x.Remove(name) })
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
