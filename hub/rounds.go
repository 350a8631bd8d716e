package hub

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/rollouts"
	"github.com/drover-dev/drover/hub/rollouts/gate"
)

const (
	// rollPause is how long reports are gathered, at least, before they are judged together.
	rollPause = 100 * time.Millisecond
	// rollShare is how much longer than a step took they are gathered: what some steps cost follows the number of
	// clusters, and the loop has other things to do.
	rollShare = 20
)

// maxRolls is how often what was released is judged again at once: clusters that have it already settle.
const maxRolls = 3

// rounds has the loop release what policies let through, whenever that may be something else. The loop alone touches
// it, but for soon.
type rounds struct {
	settings  Settings
	publisher *publisher
	plans     *plans // only asked
	do        func(func(context.Context) error)
	timer     *time.Timer // of the next round that nothing else asks for; nil if none is due
}

func newRounds(s Settings, p *publisher, plans *plans, do func(func(context.Context) error)) *rounds {
	return &rounds{settings: s, publisher: p, plans: plans, do: do}
}

// roll releases what policies let through. Before the first revision is resolved, and while nothing may be published,
// it does nothing.
func (r *rounds) roll(ctx context.Context) error {
	x := r.publisher.releasing.rolling
	if r.plans.base == nil || r.publisher.fresh.fromAll() != nil {
		return nil
	}
	if err := x.prove(ctx, r.publisher.fence.epoch()); err != nil || !x.driver.Active() {
		return err
	}
	defer r.arm()
	if rollouts.Thaw(x.driver, time.Now()) {
		if _, err := r.publisher.publish(ctx, r.plans.known()); err != nil {
			return err
		}
	}
	for range maxRolls {
		names, err := x.step()
		if err != nil {
			return err
		}
		r.measure(ctx)
		if len(names) == 0 {
			return nil
		}
		if n, err := r.publisher.publish(ctx, names); err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// arm sets when the next round is due although nothing changes.
func (r *rounds) arm() {
	r.stop()
	if at := r.publisher.releasing.rolling.driver.Due(); !at.IsZero() {
		r.timer = time.AfterFunc(max(time.Until(at), time.Millisecond), func() { r.do(r.roll) })
	}
}

// stop has no round come by the clock.
func (r *rounds) stop() {
	if r.timer != nil {
		r.timer.Stop()
	}
}

// soon has the loop judge what a cluster's agent said. It is safe for concurrent use.
func (r *rounds) soon(cluster string) {
	x := r.publisher.releasing.rolling
	if !x.active.Load() {
		return
	}
	if x.heard.Add(cluster, struct{}{}) {
		time.AfterFunc(max(rollPause, rollShare*time.Duration(x.took.Load())), func() {
			r.do(func(ctx context.Context) error {
				rollouts.Touch(x.driver, slices.Collect(maps.Keys(x.heard.Take()))...)
				return r.roll(ctx)
			})
		})
	}
}

// measure has the gates asked that are due, and reverts pushed, beside the loop.
func (r *rounds) measure(ctx context.Context) {
	x := r.publisher.releasing.rolling
	reverts := rollouts.Reverts{Driver: x.driver}
	for _, p := range reverts.Due(time.Now()) {
		go func() {
			pushed, err := rollouts.Push(ctx, r.settings.Reverts, p)
			r.do(func(ctx context.Context) error {
				reverts.Done(time.Now(), p, pushed, err)
				return r.roll(ctx)
			})
		}()
	}
	for _, q := range x.driver.Questions(time.Now()) {
		go func() {
			verdict, text := gate.Measure(ctx, r.settings.Gates.Metrics, r.settings.Gates.Condition, q.Gate)
			r.do(func(ctx context.Context) error {
				x.driver.Answer(time.Now(), q, verdict, text)
				return r.roll(ctx)
			})
		}()
	}
}
