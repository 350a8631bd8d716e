package bench

import (
	"context"
	"fmt"
	"time"
)

// newcomers is how many agents join one fleet.
const newcomers = 1000

// arrivals has a new fleet's agents join, again and again, and counts those that are left without their bundle. A bundle
// that is published while an agent connects can be missed, so this is about rare events: more rounds tell more.
func (b *bench) arrivals(ctx context.Context) ([]Line, error) {
	n := newcomers
	if b.opts.Quick {
		n = newcomers / 10
	}
	name := fmt.Sprintf("B13-%d ", n)
	var took, left []float64
	var notes []string
	for i := range b.rounds(5, 1) {
		begin := time.Now()
		behind, err := b.arrival(ctx, n)
		if err != nil && behind == 0 {
			return nil, fmt.Errorf("round %d: %w", i+1, err)
		}
		if err != nil {
			notes = append(notes, fmt.Sprintf("round %d: %v", i+1, err))
		}
		took, left = append(took, time.Since(begin).Seconds()), append(left, float64(behind))
		b.said.now("B13", "round %d: %d agents joined in %.1f s, %d left behind", i+1, n, took[i], behind)
	}
	return []Line{
		Line{Name: name + "join", What: fmt.Sprintf("%d agents join a new hub, until all have their bundle and the hub knows it", n),
			Unit: "s",
			Aim:  Aim{Most: 120}, Ours: seriesOf(took...), Notes: notes}.judge(),
		Line{Name: name + "left", What: "agents that were left without their bundle", Aim: Aim{P99: true},
			Ours: seriesOf(left...)}.judge(),
	}, nil
}

// arrival has n agents join a hub of their own, and says how many of them are left behind.
func (b *bench) arrival(ctx context.Context, n int) (left int, err error) {
	s := &storm{n: n}
	t := newTree()
	t.overlay("apps/shop/overlays/storm", "shop", "v0", 1)
	for i := range n {
		t.cluster(s.cluster(i), "apps/shop/overlays/storm")
	}
	if s.fleet, err = b.newFleet(ctx, "B13", t, 15*time.Minute); err != nil {
		return 0, err
	}
	defer s.fleet.close()
	if err = s.arrive(ctx); err == nil || ctx.Err() != nil {
		return 0, err
	}
	if seen, failed := s.look(ctx); failed == nil {
		left = n - seen.good
	}
	return left, err
}
