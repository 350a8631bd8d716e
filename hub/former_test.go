package hub_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// What was said with a credential that ended since is known after a restart of the hub; but nothing more can be said
// with it.
func TestHistorySurvivesARotation(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	first := r.creds["a"]
	r.agent("a")
	r.tell("a", [2]uint64{5, 4}, [2]uint64{6, 5})
	r.report("a", func(rep *protocol.Report) { rep.Message = "said before" })
	r.until("the report is taken", func() bool { return r.row("a").Message == "said before" })
	if err := r.ids.Rotate("a"); err != nil {
		t.Fatal(err)
	}
	second := r.renew("a")
	r.use("a", second)
	r.until("the rotation is done", func() bool { return r.ids.Identity("a").Rotating.IsZero() })
	r.tell("a", [2]uint64{7, 6})
	r.journal("a", 7, 6, 5)
	r.restart(nil)
	r.journal("a", 7, 6, 5)
	r.until("the last report is known", func() bool { return r.row("a").Message == "said before" })
	if id := r.ids.Identity("a"); id.Dropped != 0 {
		t.Errorf("%d messages were dropped: %s", id.Dropped, id.DroppedWhy)
	}

	// The former key signs with a time of its choice. What counts is when the bus took it in.
	r.report("a", func(rep *protocol.Report) { rep.Message = "said after" })
	r.until("the report is taken", func() bool { return r.row("a").Message == "said after" })
	lie := must(json.Marshal(protocol.Report{Version: protocol.Version, Cluster: "a", Seq: 9,
		Time: time.Now().Add(-time.Minute), Message: "a lie"}))
	forged := must(protocol.Speak(protocol.SpeechReport, "a", signer(first.Seed), first.HubOpen, lie))
	dropped := func() {
		t.Helper()
		r.until("what the former key signed is dropped", func() bool { return r.ids.Identity("a").Dropped == 1 })
		if why := r.ids.Identity("a").DroppedWhy; why == "" {
			t.Error("nobody is told why")
		}
	}
	r.publish("a", protocol.ReportSubject("a"), forged)
	dropped()
	r.restart(nil) // it is what the bus has kept
	dropped()
	if row := r.row("a"); row.Message == "a lie" {
		t.Error("a former key has said something")
	}
}

// The same for a cluster that was revoked: its last report is from before.
func TestTheLastReportOfARevokedClusterIsKnown(t *testing.T) {
	t.Parallel()
	r := newRig(t, twoClusters())
	r.join("a")
	r.agent("a")
	r.report("a", func(rep *protocol.Report) { rep.Agent.Version = "v7" })
	r.until("the report is taken", func() bool { return r.row("a").Agent.Version == "v7" })
	if err := r.ids.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	r.hangUp("a")
	r.restart(nil)
	r.until("the last report is known", func() bool { return r.row("a").Agent.Version == "v7" })
	if id := r.ids.Identity("a"); id.Dropped != 0 {
		t.Errorf("%d messages were dropped: %s", id.Dropped, id.DroppedWhy)
	}
}
