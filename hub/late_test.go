package hub

import (
	"testing"
	"testing/synctest"
	"time"
)

// Clusters that lose much by renders which were late count together, whenever each of them came.
func TestLateLossesCountTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lostLate
		l.note([]string{"in-a-turn"})
		l.late = true
		l.note([]string{"a", "b"})
		if n := l.others([]string{"b", "c"}); n != 1 {
			t.Errorf("beside b and c %d have lost, want 1", n)
		}
		time.Sleep(lateWindow + time.Second)
		if n := l.others(nil); n != 0 {
			t.Errorf("after a while %d have lost, want 0", n)
		}
	})
}
