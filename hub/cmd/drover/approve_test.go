package main

import (
	"bytes"
	"testing"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

func TestWhatIsApprovedIsShown(t *testing.T) {
	revision := protocol.Revision{Hash: "1a2b3c4d5e6f", Subject: "tidy up"}
	for _, c := range []struct {
		hold        query.Hold
		shown, asks string
	}{
		{query.Hold{Kind: protocol.HoldClusters, ID: "0123456789", Revision: revision, Clusters: []string{"a", "b"}},
			"0123456789: revision 1a2b3c4d \"tidy up\" took away the folders of a, b\n", "Let these clusters go?"},
		{query.Hold{Revision: revision, Clusters: []string{"a"}, Count: 7}, // of a hub without ids
			"1a2b3c4d: revision 1a2b3c4d \"tidy up\" took away the folders of a; onRemove: prune would delete 7 objects there\n", "Let these clusters go?"},
		{query.Hold{Kind: protocol.HoldDeletions, ID: "0123456789", Revision: revision, Clusters: []string{"a", "b", "c", "d"}, Apps: []string{"db", "web"},
			Count: 22, Objects: []string{"ConfigMap/web/one", "ConfigMap/web/two"}, Reason: "why"},
			"0123456789: revision 1a2b3c4d \"tidy up\" would delete 22 objects of the apps db, web in 4 clusters (a, b, c and 1 more): why\n" +
				"  clusters: a, b, c, d\n  apps: db, web\n  ConfigMap/web/one\n  ConfigMap/web/two\n  and 20 more\n", "Delete 22 objects?"},
		{query.Hold{Kind: protocol.HoldContents, ID: "0123456789", Clusters: []string{"a"}, Apps: []string{"web"}, Object: "Namespace/n", Count: 1,
			Objects: []string{"ConfigMap/n/x"}, Reason: "it is not empty", Reported: true},
			"0123456789: cluster a, app web: it is not empty\n  Namespace/n, which holds:\n  ConfigMap/n/x\n", "Delete Namespace/n, and with it 1 object?"},
		{query.Hold{Kind: protocol.HoldIdentity, ID: "0123456789", Clusters: []string{"a"}, Reason: "another cluster", Reported: true},
			"0123456789: cluster a: another cluster\n", "Approve this?"},
	} {
		var out bytes.Buffer
		printHold(&out, c.hold)
		if out.String() != c.shown {
			t.Errorf("got\n%s\nwant\n%s", out.String(), c.shown)
		}
		if got := question(c.hold); got != c.asks {
			t.Errorf("it asks %q, want %q", got, c.asks)
		}
	}
}
