package hub

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// heard is for the first report of a cluster since the hub started. If it has no folder, nobody may have known of it:
// then the store was lost.
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

// changed follows a change of a cluster's API server: what it serves, or its version. A cluster that says so again and
// again is followed at a pace, and what it says last is not lost.
func (h *Hub) changed(cluster, digest string, list []string) {
	ok, after := h.capabilities.served.May(cluster)
	switch {
	case ok && h.capabilities.news.Add(cluster, served{digest, list}):
		news := map[string]served{}
		h.do(func(ctx context.Context) error {
			maps.Copy(news, h.capabilities.news.Take())
			for cluster, s := range news {
				h.capabilities.learn(ctx, cluster, s.digest, s.list, h.publisher.fence.open())
			}
			return h.rerender(ctx, slices.Sorted(maps.Keys(news)))
		})
	case after > 0:
		h.Log.Warn("a cluster says again and again that its API server has changed; it is followed at a slower pace",
			"cluster", cluster, "next", after)
		time.AfterFunc(after, func() {
			if r := h.state.report(cluster); r != nil {
				h.changed(cluster, r.Agent.APIs, nil)
			}
		})
	}
}

// rerender renders the charts of clusters for what they reported, if they were rendered for something else.
func (h *Hub) rerender(ctx context.Context, clusters []string) error {
	var outdated []string
	patience := &resolve.Patience{}
	for _, cluster := range clusters {
		res := h.plans.of(cluster)
		if res == nil || h.plans.base == nil || !h.capabilities.outdated(cluster, res) {
			continue
		}
		if err := h.resolve(ctx, h.plans.base, cluster, patience); err != nil {
			return err
		}
		outdated = append(outdated, cluster)
	}
	if len(outdated) == 0 {
		return nil
	}
	_, err := h.publisher.publish(ctx, outdated)
	return err
}

// urge asks a cluster's agent to fetch its bundle, for the times-th time since it fell behind. From the second time the
// bundle is published again, too. The loop does it, because a hub that stands back asks nobody.
func (h *Hub) urge(ctx context.Context, cluster string, times int) {
	task := func(ctx context.Context) error {
		if c, _ := h.state.Get(cluster); !h.publisher.fence.open() || !c.Behind() {
			return nil
		}
		generation := askToFetch(ctx, h.Settings, h.state, cluster, times)
		if times < resendFrom || h.ledger.of(cluster).Bundle.Generation != generation {
			return nil
		}
		h.publisher.outgoing.resend(cluster)
		_, err := h.publisher.send(ctx)
		return err
	}
	select {
	case h.tasks <- task:
	case <-ctx.Done():
	}
}

// askToFetch asks, and gives the generation that is asked for.
func askToFetch(ctx context.Context, s Settings, state *State, cluster string, times int) (generation uint64) {
	state.edit(func(x *query.Index, _ *SourceStatus) {
		c := x.Edit(cluster)
		generation = c.Desired.Generation
		c.Urged = query.Urged{Generation: generation, Times: times, Last: time.Now()}
	})
	s.Log.Info("the agent is connected and has not accepted what was published: asking it to fetch it", "cluster",
		cluster, "generation", generation, "times", times)
	err := s.Bus.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskFetch})
	if err != nil {
		s.Log.Debug("the agent cannot be asked to fetch its bundle now", "cluster", cluster, "err", err)
	}
	return generation
}

// inquire asks a cluster's agent for events that the hub misses.
func inquire(ctx context.Context, s Settings, cluster string, from, to uint64) {
	if ctx.Err() != nil {
		return
	}
	err := s.Bus.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskJournal,
		From: from, To: to})
	if err != nil {
		s.Log.Debug("the agent cannot be asked for events that are missing; it is asked again when it connects",
			"cluster", cluster, "err", err)
	}
}
