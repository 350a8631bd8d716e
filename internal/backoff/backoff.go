// Package backoff spaces retries out: doubling, with full jitter over the upper half, so that many who
// failed together do not come back together. It imports the standard library only.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff gives the pauses between the tries of one thing. The zero value is not useful; set Min and
// Max. It is not safe for concurrent use.
type Backoff struct {
	Min, Max time.Duration
	tries    int
}

// Next is how long to wait before the next try: between half of and the whole of Min doubled with
// every try, up to Max.
func (b *Backoff) Next() time.Duration {
	d := b.Max
	if shift := min(b.tries, 40); b.Min<<shift > 0 && b.Min<<shift < b.Max {
		d = b.Min << shift
	}
	b.tries++
	return d/2 + rand.N(d/2+1)
}

// Tries is how many pauses were given since the last Reset.
func (b *Backoff) Tries() int { return b.tries }

// Reset is called after a success: the next pause is short again.
func (b *Backoff) Reset() { b.tries = 0 }

// Wait pauses for Next. It returns early, with ctx's error, when ctx is done, and early with nil when
// wake delivers (a nil wake never does).
func (b *Backoff) Wait(ctx context.Context, wake <-chan struct{}) error {
	t := time.NewTimer(b.Next())
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wake:
		return nil
	case <-t.C:
		return nil
	}
}
