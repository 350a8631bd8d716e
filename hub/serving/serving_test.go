package serving

import (
	"fmt"
	"testing"
	"time"
)

func TestServedListsAreForgottenWithTheLastClusterThatNamesThem(t *testing.T) {
	t.Parallel()
	s := New()
	s.Set("a", "one", []string{"v1"})
	s.Set("a", "one", []string{"v1"})
	s.Set("b", "one", []string{"v1"})
	s.Set("a", "two", []string{"v2"})
	if _, known := s.Get("one"); !known {
		t.Error("the list that b names is forgotten")
	}
	s.Set("b", "two", []string{"v2"})
	if _, known := s.Get("one"); known {
		t.Error("a list is remembered that no cluster names")
	}
	s.Forget("a")
	if list, known := s.Get("two"); !known || len(list) != 1 {
		t.Error("the list that b names is forgotten with a")
	}
	s.Forget("b")
	s.Forget("c")
	if len(s.lists)+len(s.of)+len(s.paces) != 0 {
		t.Errorf("something is left: %v %v %v", s.lists, s.of, s.paces)
	}
	for i := range 1000 {
		s.Set("a", fmt.Sprint(i), []string{"v1"})
	}
	if len(s.lists) != 1 {
		t.Errorf("one cluster has %d lists remembered", len(s.lists))
	}
}

func TestChangesOfOneClusterArePaced(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := New()
	s.now = func() time.Time { return now }
	for range changeBurst {
		if ok, after := s.May("a"); !ok || after != 0 {
			t.Fatalf("a change within the burst is refused: %t, %s", ok, after)
		}
	}
	now = now.Add(time.Minute)
	if ok, after := s.May("a"); ok || after != changeEvery-time.Minute {
		t.Errorf("beyond the burst: %t, %s, want a wait of %s", ok, after, changeEvery-time.Minute)
	}
	if ok, after := s.May("a"); ok || after != 0 {
		t.Errorf("while one waits: %t, %s, want no second timer", ok, after)
	}
	if ok, _ := s.May("b"); !ok {
		t.Error("one cluster has used up what another may do")
	}
	now = now.Add(changeEvery - time.Minute)
	if ok, _ := s.May("a"); !ok {
		t.Error("no change is let through after the wait")
	}
	if ok, after := s.May("a"); ok || after != changeEvery {
		t.Errorf("after one was let through: %t, %s, want a wait of %s", ok, after, changeEvery)
	}
	now = now.Add(100 * changeEvery)
	n := 0
	for range 2 * changeBurst {
		if ok, _ := s.May("a"); ok {
			n++
		}
	}
	if n != changeBurst {
		t.Errorf("%d changes are let through after a long time, want %d", n, changeBurst)
	}
}
