package query_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/protocol"
)

// The index answers which clusters there are, and how each is.
func ExampleIndex_Select() {
	index := query.NewIndex()
	for _, name := range []string{"production-b", "production-a", "staging"} {
		c := index.Edit(name)
		c.Joined, c.Link.Connected = true, name != "production-b"
		c.Labels = map[string]string{"env": name[:7]}
		c.Desired = query.Desired{Generation: 3, Digest: "x"}
		c.Report = &protocol.Report{Generation: 3, Digest: "x"}
		c.Received = time.Now()
	}
	chosen, _ := selector.Parse("env=product")
	for _, c := range index.Select(chosen) {
		row := c.Row()
		fmt.Println(row.Name, row.State, row.Synced)
	}
	// Output:
	// production-a connected true
	// production-b offline true
}

// A hold is named by its id, or by the commit that caused it.
func ExampleFindHold() {
	holds := []query.Hold{
		{Kind: protocol.HoldDeletions, ID: "0123456789", Revision: protocol.Revision{Hash: "1a2b3c4d5e6f"}},
		{Kind: protocol.HoldClusters, ID: "9876543210", Revision: protocol.Revision{Hash: "ffffffff0000"}},
	}
	byID, _ := query.FindHold(holds, "0123456789")
	byCommit, _ := query.FindHold(holds, "ffffffff")
	_, err := query.FindHold(holds, "abcdefabcd")
	fmt.Println(byID.Kind == protocol.HoldDeletions, byCommit.ID, errors.Is(err, query.ErrNotHeld))
	// Output: true 9876543210 true
}
