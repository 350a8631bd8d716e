package hub

import (
	"context"
	"time"

	"github.com/drover-dev/drover/hub/rollouts"
)

const (
	// rollPause is how long reports are gathered, at least, before they are judged together.
	rollPause = 100 * time.Millisecond
	// rollShare is how much longer than a step took they are gathered: what a step costs follows the number of clusters,
	// and the loop has other things to do.
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
	if !x.driver.Active() || r.plans.base == nil || r.publisher.fresh.fromAll() != nil {
		return nil
	}
	defer r.arm()
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

// soon has the loop judge what agents said. It is safe for concurrent use.
func (r *rounds) soon() {
	if x := r.publisher.releasing.rolling; x.active.Load() && x.waiting.CompareAndSwap(false, true) {
		time.AfterFunc(max(rollPause, rollShare*time.Duration(x.took.Load())), func() {
			r.do(func(ctx context.Context) error {
				x.waiting.Store(false)
				return r.roll(ctx)
			})
		})
	}
}

// measure has the gates asked that are due, beside the loop.
func (r *rounds) measure(ctx context.Context) {
	x := r.publisher.releasing.rolling
	for _, q := range x.driver.Questions(time.Now()) {
		go func() {
			verdict, text := rollouts.Measure(ctx, r.settings.Gates, r.settings.Condition, q.Gate)
			r.do(func(ctx context.Context) error {
				x.driver.Answer(time.Now(), q, verdict, text)
				return r.roll(ctx)
			})
		}()
	}
}
