package hub

import (
	"context"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// listener takes what agents say into the state. It runs beside the loop, and leaves to it what needs a
// new bundle.
type listener struct{ h *Hub }

var _ Listener = listener{}

func (l listener) Report(cluster string, data []byte, at time.Time) {
	r, err := protocol.DecodeReport(data, cluster)
	if err != nil {
		l.h.Log.Warn("a report is not taken", "cluster", cluster, "err", err)
		return
	}
	behind, first, emptied := false, false, false
	l.h.state.edit(func(x *query.Index, _ *SourceStatus) {
		c := x.Edit(cluster)
		first = c.Report == nil
		if c.Report != nil && c.Report.Agent.Started.Equal(r.Agent.Started) && c.Report.Seq > r.Seq {
			return // overtaken on its way
		}
		c.Report, c.Received = &r, at
		emptied = c.Pruning && empty(*c)
		d := c.Desired
		behind = r.Generation > d.Generation || r.Generation == d.Generation && r.Generation > 0 && r.Digest != d.Digest
	})
	if behind {
		l.h.do(func(ctx context.Context) error { return l.h.overtake(ctx, cluster, r) })
	}
	switch {
	case first:
		l.h.do(func(ctx context.Context) error { return l.h.heard(ctx, cluster) })
	case emptied:
		l.h.do(func(context.Context) error {
			l.h.cutOff()
			return nil
		})
	}
}

// heard is for the first report of a cluster since the hub started. If it has no folder, nobody may have known of it: then
// the store was lost.
func (h *Hub) heard(ctx context.Context, cluster string) error {
	if h.listing == nil {
		return nil // the first revision decides
	}
	if _, listed := slices.BinarySearch(h.listing.names, cluster); listed {
		return nil
	}
	return h.depart(ctx)
}

func (l listener) Event(cluster string, data []byte) {
	e, err := protocol.DecodeEvent(data, cluster)
	if err != nil {
		l.h.Log.Warn("an event is not taken", "cluster", cluster, "err", err)
		return
	}
	l.h.state.edit(func(x *query.Index, _ *SourceStatus) {
		if _, known := x.Get(cluster); !known {
			return // it was forgotten; its journal ages
		}
		c := x.Edit(cluster)
		if slices.ContainsFunc(c.Recent, func(known protocol.Event) bool { return known.Seq == e.Seq && known.Time.Equal(e.Time) }) {
			return // sent twice, because the agent could not know whether it had arrived
		}
		recent := append([]protocol.Event{e}, c.Recent...)
		c.Recent = recent[:min(len(recent), maxRecent)]
	})
}

func (l listener) Link(cluster string, connected bool, at time.Time) {
	l.h.state.edit(func(x *query.Index, _ *SourceStatus) {
		if _, known := x.Get(cluster); known {
			x.Edit(cluster).Link = query.Link{Connected: connected, Since: at}
		}
	})
}

func (l listener) Reset() { l.h.do(l.h.reconcile) }

// do has the loop do something.
func (h *Hub) do(task func(context.Context) error) { h.tasks <- task }

// overtake gives a cluster a generation above the one that its agent has accepted. It is needed after
// the hub's store was lost or restored from an older state: the agent rightly refuses to go back.
func (h *Hub) overtake(ctx context.Context, cluster string, r protocol.Report) error {
	known := h.records[cluster]
	if r.Generation < known.Bundle.Generation || r.Generation == known.Bundle.Generation && r.Digest == known.Digest {
		return nil // published meanwhile
	}
	if known.Bundle.Generation > 0 {
		h.Log.Warn("the agent has accepted what this hub does not remember: the next generation rises above it",
			"cluster", cluster, "generation", r.Generation, "known", known.Bundle.Generation)
	}
	h.floors[cluster] = max(h.floors[cluster], r.Generation)
	_, err := h.publish(ctx, []string{cluster})
	return err
}

// Joined tells the hub that a credential was made for cluster's agent: its bundle is sealed anew.
func (h *Hub) Joined(cluster string) {
	h.do(func(ctx context.Context) error {
		if _, known := h.records[cluster]; known {
			h.unsent[cluster] = true
		}
		_, err := h.publish(ctx, []string{cluster})
		return err
	})
}
