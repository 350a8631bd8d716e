package nats

import (
	"fmt"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestAsksAreFollowedOnceAndInTheirTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration, nonce string, epoch uint64) protocol.Ask {
		return protocol.Ask{Time: noon.Add(d), Nonce: nonce, Epoch: epoch}
	}
	const floor = 2
	type step struct {
		ask  protocol.Ask
		good bool
	}
	for name, steps := range map[string][]step{
		"one after the other":       {{at(0, "a", 2), true}, {at(time.Second, "b", 2), true}, {at(time.Second, "c", 3), true}},
		"the same again":            {{at(0, "a", 2), true}, {at(0, "a", 2), false}},
		"out of order":              {{at(time.Minute, "a", 2), true}, {at(0, "b", 2), true}},
		"an old one":                {{at(time.Hour, "a", 2), true}, {at(0, "b", 2), false}},
		"of before the credential":  {{at(-25*time.Hour, "a", 2), false}},
		"of an older epoch":         {{at(0, "a", 1), false}, {at(0, "b", 0), false}, {protocol.Ask{}, false}},
		"none of its own":           {{protocol.Ask{Epoch: 2}, true}, {at(0, "a", 2), true}, {protocol.Ask{Epoch: 2}, false}},
		"the hub's clock goes back": {{at(48*time.Hour, "a", 2), true}, {at(5*time.Hour+time.Second, "b", 2), true}},
	} {
		var l askLog
		for i, s := range steps {
			if err := l.take(s.ask, floor, noon.Add(-24*time.Hour), noon.Add(5*time.Hour)); (err == nil) != s.good {
				t.Errorf("%s: ask %d: %v, want it followed: %t", name, i, err, s.good)
			}
		}
	}
	var l askLog
	for i := range 10 * maxNonces {
		if err := l.take(at(time.Duration(i)*time.Second, fmt.Sprint(i), 2), floor, noon, noon); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.nonces) > maxNonces {
		t.Errorf("%d nonces are remembered", len(l.nonces))
	}
	if err := l.take(at(0, "0", 2), floor, noon, noon.Add(time.Hour)); err == nil {
		t.Error("one that is forgotten is followed again")
	}
}
