package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/api"
	"github.com/drover-dev/drover/protocol"
)

// large is a fleet of which one in ten is offline and one in four has an app whose quota is full.
func large(n int) api.Fleet {
	f := api.Fleet{Time: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)}
	for i := range n {
		r := query.Row{Name: fmt.Sprintf("c%04d", i), State: query.StateConnected, Health: protocol.HealthCurrent,
			Synced: true, Generation: 1, Accepted: 1, Apps: query.Count{Good: 2, All: 2}, Received: f.Time}
		switch {
		case i%10 == 0:
			r.State, r.Reason = query.StateOffline, query.ReasonOffline
			r.Message = "its agent keeps healing from what it has, and takes the newest bundle when it is back"
		case i%4 == 1:
			r.Health, r.Reason = protocol.HealthDegraded, query.Reason(protocol.ReasonQuotaExceeded)
			r.Message = "app web: the quota of " + r.Name + " is full"
		}
		f.Clusters = append(f.Clusters, r)
	}
	return f
}

func TestALargeFleetIsSummedUp(t *testing.T) {
	t.Parallel()
	text := func(o statusOptions, n int) string {
		var b bytes.Buffer
		if err := o.printRows(&b, large(n)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	got := text(statusOptions{}, 400)
	for _, line := range []string{
		"400 clusters: 260 well, 360 connected, 40 offline\n",
		"\nCLUSTERS  REASON         WHICH                                          MESSAGE\n",
		"\n100       QuotaExceeded  c0001, c0005, c0009, c0013, c0017 and 95 more  app web: the quota of CLUSTER is full\n",
		"\n40        Offline        c0000, c0010, c0020, c0030, c0040 and 35 more  its agent keeps",
		"\n… and 110 more that are not well: choose some with -l, or see all clusters with --all\n",
		"\nc0001    connected",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	if n := strings.Count(got, "\n"); n > 40 {
		t.Errorf("it has %d lines", n)
	}
	if all := text(statusOptions{all: true}, 400); strings.Count(all, "\n") != 401 {
		t.Errorf("with --all it has %d lines", strings.Count(all, "\n"))
	}
	if few := text(statusOptions{}, 50); strings.Count(few, "\n") != 51 {
		t.Errorf("of a fleet of 50 it has %d lines", strings.Count(few, "\n"))
	}
}

func TestALargeFleetThatIsWellIsOneLine(t *testing.T) {
	t.Parallel()
	f := large(4)
	f.Clusters = f.Clusters[2:]
	for len(f.Clusters) < 60 {
		f.Clusters = append(f.Clusters, f.Clusters[0])
	}
	var b bytes.Buffer
	o := statusOptions{}
	if err := o.printRows(&b, f); err != nil || b.String() != "60 clusters: 60 well, 60 connected\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
