package brake

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestTheBrakeHoldsWhatIsNotNew(t *testing.T) {
	t.Parallel()
	var b Brake
	now := noon
	passed := func(commit string, tries int) (n int) {
		for range tries {
			if !b.Note(commit, now) {
				n++
			}
			now = now.Add(100 * time.Millisecond)
		}
		return n
	}
	if n := passed("one", 50); n != Count {
		t.Errorf("%d generations of one commit went through", n)
	}
	if n := passed("two", 5); n != 5 {
		t.Errorf("%d of 5 generations of another commit went through", n)
	}
	if n := passed("two", 50); n != Count-5 {
		t.Errorf("%d more went through", n)
	}
	first := b.Until
	if now = first; passed("two", 50) != Count {
		t.Error("after the pause nothing goes through")
	}
	if second := b.Until.Sub(first); second < 2*Pause {
		t.Errorf("the second pause is over %s after the first", second)
	}
	var slow Brake
	for i := range 100 {
		if slow.Note("one", noon.Add(time.Duration(i)*10*time.Second)) {
			t.Fatal("six generations a minute are too many")
		}
	}
}
