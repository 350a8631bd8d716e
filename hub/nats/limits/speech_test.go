package limits

import (
	"testing"
	"time"
)

func TestWhatAClusterMaySay(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var b bucket
	for i := range 10_000 { // a report of 100 KiB every second
		if b.take(100<<10, now.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("the report of second %d is too much", i)
		}
	}
	cut := 0
	for range 128 {
		if b.take(1<<20, now.Add(3*time.Hour)) {
			cut++
		}
	}
	if cut == 0 {
		t.Error("128 MiB at once are not too much")
	}
}
