package backoff

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestNextDoublesUpToMax(t *testing.T) {
	b := Backoff{Min: time.Second, Max: 10 * time.Second}
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10, 10} {
		want *= time.Second
		if got := b.Next(); got < want/2 || got > want {
			t.Errorf("pause %d is %s, want %s to %s", i, got, want/2, want)
		}
	}
	b.Reset()
	if got := b.Next(); got > time.Second {
		t.Errorf("after Reset the pause is %s, want at most 1s", got)
	}
	for range 100 {
		if got := b.Next(); got <= 0 || got > b.Max {
			t.Fatalf("pause %s is out of bounds after %d tries", got, b.Tries())
		}
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Backoff{Min: time.Minute, Max: time.Minute}
		start := time.Now()
		if err := b.Wait(t.Context(), nil); err != nil || time.Since(start) < 30*time.Second {
			t.Errorf("Wait = %v after %s, want nil after at least 30s", err, time.Since(start))
		}
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		start = time.Now()
		if err := b.Wait(t.Context(), wake); err != nil || time.Since(start) != 0 {
			t.Errorf("woken Wait = %v after %s, want nil at once", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Wait(ctx, nil); err != context.Canceled {
			t.Errorf("cancelled Wait = %v, want %v", err, context.Canceled)
		}
	})
}
