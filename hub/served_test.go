package hub

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestServedListsAreForgottenWithTheLastClusterThatNamesThem(t *testing.T) {
	t.Parallel()
	s := newServed()
	s.set("a", "one", []string{"v1"})
	s.set("a", "one", []string{"v1"})
	s.set("b", "one", []string{"v1"})
	s.set("a", "two", []string{"v2"})
	if _, known := s.get("one"); !known {
		t.Error("the list that b names is forgotten")
	}
	s.set("b", "two", []string{"v2"})
	if _, known := s.get("one"); known {
		t.Error("a list is remembered that no cluster names")
	}
	s.forget("a")
	if list, known := s.get("two"); !known || len(list) != 1 {
		t.Error("the list that b names is forgotten with a")
	}
	s.forget("b")
	s.forget("c")
	if len(s.lists)+len(s.of)+len(s.paces) != 0 {
		t.Errorf("something is left: %v %v %v", s.lists, s.of, s.paces)
	}
	for i := range 1000 {
		s.set("a", fmt.Sprint(i), []string{"v1"})
	}
	if len(s.lists) != 1 {
		t.Errorf("one cluster has %d lists remembered", len(s.lists))
	}
}

func TestChangesOfOneClusterArePaced(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := newServed()
	s.now = func() time.Time { return now }
	for range changeBurst {
		if ok, after := s.may("a"); !ok || after != 0 {
			t.Fatalf("a change within the burst is refused: %t, %s", ok, after)
		}
	}
	now = now.Add(time.Minute)
	if ok, after := s.may("a"); ok || after != changeEvery-time.Minute {
		t.Errorf("beyond the burst: %t, %s, want a wait of %s", ok, after, changeEvery-time.Minute)
	}
	if ok, after := s.may("a"); ok || after != 0 {
		t.Errorf("while one waits: %t, %s, want no second timer", ok, after)
	}
	if ok, _ := s.may("b"); !ok {
		t.Error("one cluster has used up what another may do")
	}
	now = now.Add(changeEvery - time.Minute)
	if ok, _ := s.may("a"); !ok {
		t.Error("no change is let through after the wait")
	}
	if ok, after := s.may("a"); ok || after != changeEvery {
		t.Errorf("after one was let through: %t, %s, want a wait of %s", ok, after, changeEvery)
	}
	now = now.Add(100 * changeEvery)
	n := 0
	for range 2 * changeBurst {
		if ok, _ := s.may("a"); ok {
			n++
		}
	}
	if n != changeBurst {
		t.Errorf("%d changes are let through after a long time, want %d", n, changeBurst)
	}
}

func TestEventsAreKeptAtHandInABoundedSize(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 900<<10)
	e := bounded(protocol.Event{Message: long, By: long, App: long, Revision: long, Fields: strings.Split(strings.Repeat("y ", 5000)+long, " "),
		Object: &protocol.ObjectRef{Group: long, Kind: long, Namespace: long, Name: long}})
	size := len(e.Message) + len(e.By) + len(e.App) + len(e.Revision) + len(fmt.Sprint(e.Fields)) + len(fmt.Sprint(*e.Object))
	if size > 64<<10 {
		t.Errorf("%d bytes are kept", size)
	}
	if !strings.Contains(e.Message, "more bytes are in the journal") || !strings.Contains(e.Message, "4951 more fields") {
		t.Errorf("what is cut off is not said: %.200q", e.Message[maxEventText:])
	}
	for _, plain := range []protocol.Event{{}, {Message: "m", By: "b", App: "a", Fields: []string{"f"}, Object: &protocol.ObjectRef{Kind: "k", Name: "n"}}} {
		if got := bounded(plain); !reflect.DeepEqual(got, plain) {
			t.Errorf("%+v became %+v", plain, got)
		}
	}
}
