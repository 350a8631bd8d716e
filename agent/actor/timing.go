package actor

import (
	"context"
	"time"
)

// Timing is when something is done without a message that asks for it.
type Timing struct {
	timer  *time.Timer
	wakeAt time.Time // when timer fires
}

// Alarm has due called at a time; never, if that is zero. post runs something on the goroutine that owns it.
func (t *Timing) Alarm(ctx context.Context, at time.Time, post func(func()), due func()) {
	if t.timer != nil {
		if t.wakeAt.Equal(at) {
			return
		}
		t.Stop()
	}
	if t.wakeAt = at; at.IsZero() || ctx.Err() != nil {
		return
	}
	t.timer = time.AfterFunc(time.Until(at), func() {
		post(func() {
			if t.wakeAt.Equal(at) && ctx.Err() == nil {
				t.timer = nil
				due()
			}
		})
	})
}

// Stop has nothing called.
func (t *Timing) Stop() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}
