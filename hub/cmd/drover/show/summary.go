package show

import (
	"fmt"
	"io"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

const (
	// Large is how many clusters are more than a person wants a line each of.
	Large = 50
	// maxCauses is how many causes are shown, and maxRows how many clusters that have one.
	maxCauses = 20
	maxRows   = 30
)

// Summary shows how many clusters there are, how they are and what is wrong, a line for each cause, and gives the rows
// that are worth a line of their own: some of those that are not well. more is how many others there are.
func Summary(w io.Writer, rows []query.Row) (shown []query.Row, more int, err error) {
	states, unsynced, suspended := map[query.State]int{}, 0, 0
	var bad []query.Row
	for _, r := range rows {
		states[r.State]++
		if !r.Synced && r.State != query.StateAwaiting && r.State != query.StateReleased {
			unsynced++
		}
		if r.Suspended {
			suspended++
		}
		well := r.State == query.StateConnected && r.Synced && r.Health == protocol.HealthCurrent
		if !well || r.Message != "" || r.Reason != "" {
			bad = append(bad, r)
		}
	}
	words := []string{fmt.Sprintf("%d well", len(rows)-len(bad))}
	for _, s := range []query.State{query.StateConnected, query.StateOffline, query.StateAwaiting, query.StateReleased} {
		if states[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", states[s], s))
		}
	}
	if unsynced > 0 {
		words = append(words, fmt.Sprintf("%d not in sync", unsynced))
	}
	if suspended > 0 {
		words = append(words, fmt.Sprintf("%d suspended", suspended))
	}
	fmt.Fprintf(w, "%d clusters: %s\n", len(rows), strings.Join(words, ", "))
	causes := query.Causes(rows)
	if len(causes) > 0 {
		t := NewTable(w)
		fmt.Fprintln(t, "\nCLUSTERS\tREASON\tWHICH\tMESSAGE")
		for _, c := range causes[:min(len(causes), maxCauses)] {
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", len(c.Clusters), OrDash(string(c.Reason)), OneLine(Few(c.Clusters)),
				OneLine(c.Message))
		}
		if err := t.Flush(); err != nil {
			return nil, 0, err
		}
		if n := len(causes) - maxCauses; n > 0 {
			fmt.Fprintf(w, "… and %d more causes: -o json has the reason and message of every cluster\n", n)
		}
		fmt.Fprintln(w)
	}
	return bad[:min(len(bad), maxRows)], max(0, len(bad)-maxRows), nil
}
