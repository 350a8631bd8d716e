// Package brake bounds how many generations of a bundle a cluster is given without a new commit.
//
// It may import the standard library only.
package brake

import (
	"slices"
	"time"
)

const (
	// Count generations in Window without a new commit are too many: then a cluster gets none for Pause, which doubles
	// up to MaxPause while it goes on.
	Count = 10
	// Window is in which time generations are counted, see Count.
	Window = time.Minute
	// Pause is the first one, see Count.
	Pause = time.Minute
	// MaxPause is the longest, see Count.
	MaxPause = 15 * time.Minute
)

// Brake counts the generations of a cluster since the last commit.
type Brake struct {
	commit string
	times  []time.Time   // of the last ones
	Until  time.Time     // none before
	Length time.Duration // of the last pause
}

// Note takes in one more generation, and says whether it is one too many.
func (b *Brake) Note(commit string, now time.Time) (tooMany bool) {
	if commit != b.commit {
		*b = Brake{commit: commit}
	}
	if now.Before(b.Until) {
		return true
	}
	b.times = slices.DeleteFunc(b.times, func(t time.Time) bool { return now.Sub(t) >= Window })
	if len(b.times) >= Count {
		b.Length = min(max(2*b.Length, Pause), MaxPause)
		b.Until, b.times = now.Add(b.Length), nil
		return true
	}
	b.times = append(b.times, now)
	return false
}
