// Package phrase writes the small parts of messages for people that are the same everywhere: counted nouns, how many
// more there are, and spans of time. It imports the standard library only.
package phrase

import (
	"fmt"
	"time"
)

// Count writes a number with its noun, which takes a plain s in the plural: "1 object", "3 objects".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// More says how many more there are than were named: " (and 3 more)"; "" if there are none.
func More(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

// Short writes a duration in whole minutes, or else in whole seconds: "5m", "90s".
func Short(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
