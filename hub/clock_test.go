package hub_test

import (
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Leaders whose clocks differ by hours take the lead one after the other.
func TestTheHubHearsALeaderWhoseClockIsBehind(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a", "b")
	say := func(cluster, identity string, term uint64, clock time.Duration) {
		r.report(cluster, func(rep *protocol.Report) {
			rep.Message = identity
			rep.Time = time.Now().Add(clock)
			rep.Agent = protocol.Agent{Identity: identity, Started: rep.Time, Term: term}
		})
	}
	hears := func(cluster, identity string) {
		t.Helper()
		r.until("the hub hears "+identity, func() bool { return strings.Contains(r.row(cluster).Message, identity) })
	}
	for cluster, terms := range map[string]uint64{"a": 1, "b": 0} { // b's agents are older than terms
		say(cluster, "one hour ahead", 7*terms, time.Hour)
		hears(cluster, "one hour ahead")
		say(cluster, "two hours behind", 8*terms, -2*time.Hour)
		hears(cluster, "two hours behind")
		r.restart(nil)
		hears(cluster, "two hours behind")
		say(cluster, "right", 9*terms, 0)
		hears(cluster, "right")
	}
	say("a", "one hour ahead", 7, time.Hour) // its last word comes late
	say("b", "heard after it", 0, 0)
	hears("b", "heard after it")
	hears("a", "right")
}
