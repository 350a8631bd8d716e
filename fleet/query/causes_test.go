package query

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

func TestClustersWithOneCauseAreOne(t *testing.T) {
	t.Parallel()
	row := func(name string, reason Reason, message string) Row {
		return Row{Name: name, Reason: reason, Message: message}
	}
	quota := Reason(protocol.ReasonQuotaExceeded)
	rows := []Row{
		row("well", "", ""),
		row("eu-3", ReasonExpired, "its credential expired on 2026-11-30 12:00:00 UTC: run x --cluster eu-3 | y"),
		row("eu-1", ReasonExpired, "its credential expired on 2026-10-01 08:30:00 UTC: run x --cluster eu-1 | y"),
		row("a", ReasonNotAccepted, "generation 7 was published and not accepted yet"),
		row("b", ReasonNotAccepted, "generation 12 was published and not accepted yet"),
		row("eu-2", quota, "app web: a quota is full"),
		row("us-1", quota, "app web: a quota is full (and 3 more)"),
		row("us-2", quota, "app web: a quota is full (and 1 more)"),
		row("us-3", quota, "app web: a quota is full (and 1 more)"),
		row("web", quota, "app cobweb-web: a quota is full"), // its name is a part of another word
		row("p1", Reason(protocol.ReasonUnhealthy), "app web: no image (pod web-1 on n1)"),
		row("p2", Reason(protocol.ReasonUnhealthy), "app web: no image (pod web-2 on n2 and 3 more)"),
		row("x", Reason(protocol.ReasonPruneHeld), ""),
	}
	var got []string
	for _, c := range Causes(rows) {
		got = append(got, fmt.Sprintf("%d %s %s (%s)", len(c.Clusters), c.Reason, c.Message, strings.Join(c.Clusters, " ")))
	}
	want := []string{
		"3 QuotaExceeded app web: a quota is full (and more) (us-1 us-2 us-3)",
		"2 BundleNotAccepted generation … was published and not accepted yet (a b)",
		"2 CredentialExpired its credential expired on …: run x --cluster CLUSTER | y (eu-1 eu-3)",
		"2 Unhealthy app web: no image (pod …) (p1 p2)",
		"1 PruneHeld  (x)",
		"1 QuotaExceeded app cobweb-web: a quota is full (web)",
		"1 QuotaExceeded app web: a quota is full (eu-2)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := nameIn("edge of edge-1", "edge"); got != "CLUSTER of edge-1" {
		t.Errorf("got %q", got)
	}
}
