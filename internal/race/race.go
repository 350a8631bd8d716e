// Package race says whether a program was built with the race detector, which makes it several times slower and takes
// more memory than a limit may permit. Tests that wait scale their patience by it.
//
// It may import the standard library only.
package race

import "time"

// slowdown is how much longer a test waits under the race detector.
const slowdown = 4

// Patience is how long a test waits for what takes at most d without the race detector on a busy machine.
func Patience(d time.Duration) time.Duration {
	if Enabled {
		return slowdown * d
	}
	return d
}
