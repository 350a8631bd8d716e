package deliver

import (
	"context"
	"time"
)

// timing is when the app looks again by itself.
type timing struct {
	timer  *time.Timer
	wakeAt time.Time // when timer fires
}

// alarm has due called at a time; never, if that is zero. post runs something on the goroutine of the app.
func (t *timing) alarm(ctx context.Context, at time.Time, post func(func()), due func()) {
	if t.timer != nil {
		if t.wakeAt.Equal(at) {
			return
		}
		t.stop()
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

// stop has nothing called.
func (t *timing) stop() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}
