package limits

import (
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/internal/race"
)

func TestALaneThatIsStuckHoldsUpNoOther(t *testing.T) {
	l := NewLanes()
	stuck, free := make(chan struct{}), make(chan struct{})
	var order []int
	for i := range laneQueue {
		if !l.Do("stuck", func() { <-stuck; order = append(order, i) }) {
			t.Fatalf("task %d of %d was not taken", i, laneQueue)
		}
	}
	if !l.Do("free", func() { close(free) }) {
		t.Error("the other lane takes nothing")
	}
	select {
	case <-free:
	case <-time.After(race.Patience(90 * time.Second)):
		t.Fatal("the other lane does not move")
	}
	taken := laneQueue
	for l.Do("stuck", func() { order = append(order, -1) }) {
		if taken++; taken > laneQueue+1 { // the one that runs does not wait
			t.Fatal("a lane takes whatever comes")
		}
	}
	close(stuck)
	l.Close()
	if len(order) != taken || !slices.IsSorted(order[:laneQueue]) {
		t.Errorf("the tasks ran in the order %v", order)
	}
	if l.Do("free", func() {}) {
		t.Error("it takes tasks though it was closed")
	}
}
