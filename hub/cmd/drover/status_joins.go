package main

import (
	"fmt"
	"io"
	"time"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

// printJoins says what keeps agents from joining.
func printJoins(w io.Writer, s hub.SourceStatus, now time.Time) {
	if !s.KeysMade.IsZero() {
		fmt.Fprintf(w, "  new keys were made at %s: agents that joined another hub refuse this one; if there was a "+
			"hub before, stop this one and bring its keys "+
			"back with `drover hub restore`\n", s.KeysMade.Local().Format(time.DateTime))
	}
	if d := s.Joins.Distrusted; d.Count > 0 {
		addresses := "addresses"
		if d.Addresses == 1 {
			addresses = "address"
		}
		fmt.Fprintf(w, "  %d %s were broken off by agents that do not trust this hub's certificate, from %d %s, the "+
			"last %s ago from %s: they joined a hub with other keys; "+
			"bring those back with `drover hub restore`, or let the clusters join this one with `drover agent "+
			"manifest --cluster NAME --replace | kubectl apply -f -`\n",
			d.Count, show.Plural(int(d.Count), "connection"), d.Addresses, addresses, show.Ago(d.Time, now), show.OrDash(d.Last))
	}
	if d := s.Damage; d.Count > 0 {
		fmt.Fprintf(w, "  NATS was changed by another client than this hub, %d %s, the last %s ago, and was restored: %s. See who has the hub's "+
			"keys, or runs the NATS servers\n", d.Count, show.Plural(d.Count, "time"), show.Ago(d.Time, now), show.OneLine(d.Text))
	}
	if n := len(s.Joins.Former); n > 0 {
		show.Sayf(w, "  %d %s still %s a credential of an older release, which does not bound what its holder may send: %s. The "+
			"agents are asked to renew when they connect; then run `drover hub %s`", n, show.Plural(n, "cluster"),
			verb(n, "uses", "use"), show.Few(s.Joins.Former), endFormerUse)
	}
	if n := len(s.Joins.Moving); n > 0 {
		show.Sayf(w, "  %d %s still %s a credential of the account key before: %s. The agents are asked to renew when they connect; "+
			"then run `drover hub keys finish account`", n, show.Plural(n, "cluster"), verb(n, "uses", "use"), show.Few(s.Joins.Moving))
	}
	if j := s.Joins; j.Refused > 0 {
		show.Sayf(w, "  refused since the hub started: %d %s for a credential, the last %s ago: %s", j.Refused,
			show.Plural(int(j.Refused), "request"), show.Ago(j.Time, now), show.OneLine(j.Last))
	}
}
