package nats

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestReconnectsAreSpreadOut(t *testing.T) {
	t.Parallel()
	const agents = 5000
	var sum time.Duration
	buckets := make([]int, 10)
	for range agents {
		d := delay(0)
		if d < 0 || d >= spreadTime {
			t.Fatalf("the first pause is %s", d)
		}
		sum += d
		buckets[int(d*10/spreadTime)]++
	}
	if mean := sum / agents; mean < 900*time.Millisecond || mean > 1100*time.Millisecond {
		t.Errorf("on average the first pause is %s, want about a second", mean)
	}
	if most := slices.Max(buckets); most > agents/10*5/4 {
		t.Errorf("of %d agents %d come back in the same fifth of a second", agents, most)
	}
	for tries, want := range map[int]time.Duration{1: reconnectMin, 2: 2 * reconnectMin, 6: 8 * time.Second, 7: reconnectMax, 1000: reconnectMax} {
		for range 100 {
			if d := delay(tries); d < want/2 || d > want {
				t.Errorf("pause %d is %s, want %s to %s", tries, d, want/2, want)
			}
		}
	}
}

func TestServersOfTheOtherKindAreTriedWhenTheFirstFailForAWhile(t *testing.T) {
	t.Parallel()
	servers := []string{"tls://a", "wss://b", "tls://c"}
	preferred, all := []string{"tls://a", "tls://c"}, []string{"tls://a", "tls://c", "wss://b"}
	synctest.Test(t, func(t *testing.T) {
		var o outage
		if got := o.choose(servers); !slices.Equal(got, preferred) {
			t.Errorf("at first %v", got)
		}
		o.since = time.Now()
		time.Sleep(fallbackTime + time.Second)
		if got := o.choose(servers); !slices.Equal(got, all) {
			t.Errorf("after %s %v", fallbackTime, got)
		}
		o.up()
		time.Sleep(heldTime + time.Second)
		o.down()
		if got := o.choose(servers); !slices.Equal(got, preferred) {
			t.Errorf("after a connection that held %v", got)
		}
		o.tries = fallbackTries
		if got := o.choose(servers); !slices.Equal(got, all) {
			t.Errorf("after %d tries %v", fallbackTries, got)
		}
		if got := o.choose([]string{"wss://b", "tls://a"})[0]; got != "wss://b" {
			t.Errorf("first %s", got)
		}
		if got := o.choose(nil); got != nil {
			t.Errorf("without servers %v", got)
		}
	})
}

func TestRefusalsOfTheCredentialSayWhy(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, expires := range map[string]time.Time{"expired at": now.Add(-time.Second), "revoked or replaced": now.Add(time.Hour), "revoked": {}} {
		text := refusedText(protocol.Credential{Cluster: "east-1", Expires: expires}, now)
		for _, w := range []string{want, "--cluster east-1 --replace", "kept as it is"} {
			if !strings.Contains(text, w) {
				t.Errorf("with an end at %s it says %q, want %q in it", expires, text, w)
			}
		}
	}
}
