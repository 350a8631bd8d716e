package phrase

import (
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 objects", 1: "1 object", 2: "2 objects"} {
		if got := Count(n, "object"); got != want {
			t.Errorf("Count(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestMore(t *testing.T) {
	for n, want := range map[int]string{-1: "", 0: "", 1: " (and 1 more)"} {
		if got := More(n); got != want {
			t.Errorf("More(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Minute: "1m", 90 * time.Second: "90s", 59 * time.Second: "59s", 5 * time.Minute: "5m"} {
		if got := Short(d); got != want {
			t.Errorf("Short(%s) is %q, want %q", d, got, want)
		}
	}
}
