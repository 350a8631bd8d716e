package hub

import (
	"context"
	"time"

	"github.com/drover-dev/drover/hub/rollouts"
)

// Rollouts are what people do to the rollouts of a hub. It is safe for concurrent use.
type Rollouts struct{ hub *Hub }

// RolloutsOf gives people what they do to the rollouts of a hub.
func RolloutsOf(h *Hub) Rollouts { return Rollouts{h} }

// Decide takes a decision of a person on a rollout, and says what follows from it. It returns when that is stored.
func (x Rollouts) Decide(ctx context.Context, o rollouts.Order) (string, error) {
	return ask(ctx, x.hub, func(loop context.Context, reply func(string, error)) error {
		rolling := x.hub.publisher.releasing.rolling
		text, err := rolling.driver.Decide(time.Now(), o)
		if err != nil {
			reply("", err)
			return nil
		}
		if err := rolling.save(); err != nil {
			return err
		}
		reply(text, nil)
		return x.hub.rounds.roll(loop)
	})
}

// History is what a policy's rollout has done and people had it do, the newest last. An error that wraps
// rollouts.ErrNoRollout says that there is no such policy.
func (x Rollouts) History(ctx context.Context, policy string) ([]rollouts.Event, error) {
	return ask(ctx, x.hub, func(_ context.Context, reply func([]rollouts.Event, error)) error {
		events, known := x.hub.publisher.releasing.rolling.driver.History(policy)
		if !known {
			reply(nil, rollouts.ErrNoRollout)
			return nil
		}
		reply(events, nil)
		return nil
	})
}
