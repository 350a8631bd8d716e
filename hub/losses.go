package hub

import (
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/release"
	"github.com/drover-dev/drover/protocol"
)

// losses counts the clusters that lose much by one commit. What deletes much in a cluster waits until it is known in
// how many; see release.Facts. The loop alone touches it.
type losses struct {
	ledger *ledger // only asked

	later            map[string]struct{} // clusters that wait until the others were gone through; nil if none is to wait
	losing, clusters int                 // how many clusters lose much by one commit, of so many; 0 if none waited
	late             lostLate
}

func newLosses(l *ledger) *losses { return &losses{ledger: l} }

// begin has clusters wait until collected is called.
func (l *losses) begin() { l.later = map[string]struct{}{} }

// end has no cluster wait.
func (l *losses) end() { l.later, l.losing, l.clusters = nil, 0, 0 }

// facts are what the gate has to know of it.
func (l *losses) facts(report *protocol.Report) release.Facts {
	return release.Facts{Report: report, Collecting: l.later != nil, Losing: l.losing, Clusters: l.clusters}
}

// wait has a cluster wait until the others were gone through.
func (l *losses) wait(cluster string) { l.later[cluster] = struct{}{} }

// collected is called when clusters were gone through for a commit, of so many that there are. It gives those that
// wait, for whom the gate is to decide now.
func (l *losses) collected(names []string, commit string, clusters int) []string {
	later := slices.Sorted(maps.Keys(l.later))
	if len(later) > 0 {
		l.losing, l.clusters = l.losers(names, commit)+l.late.others(names), clusters
		l.late.note(later)
	}
	l.later = nil
	return later
}

// lately says whether what is gone through comes of renders that finished after the turn of their commit.
func (l *losses) lately(is bool) { l.late.late = is }

// losers counts the clusters among names that lose much by a commit.
func (l *losses) losers(names []string, commit string) (n int) {
	for _, name := range names {
		_, waits := l.later[name]
		count := 0
		for _, hold := range l.ledger.of(name).Deletions.Holds() {
			if hold.Revision.Hash == commit {
				count += hold.Count
			}
		}
		if waits || count >= deletions.Default.AtLeast {
			n++
		}
	}
	return n
}

// lostLate remembers which clusters were to lose much by renders that finished after the turn of their commit: these
// come one after the other, and what the guard counts are all clusters that lose by one commit.
type lostLate struct {
	late bool // renders that have finished are taken in
	at   map[string]time.Time
}

// lateWindow is for how long they count together.
const lateWindow = 10 * time.Minute

// note adds clusters, if what they lose comes of renders that were late.
func (l *lostLate) note(names []string) {
	if !l.late {
		return
	}
	if l.at == nil {
		l.at = map[string]time.Time{}
	}
	for _, name := range names {
		l.at[name] = time.Now()
	}
}

// others counts those that are not among names.
func (l *lostLate) others(names []string) int {
	maps.DeleteFunc(l.at, func(_ string, at time.Time) bool { return time.Since(at) > lateWindow })
	n := len(l.at)
	for _, name := range names {
		if _, is := l.at[name]; is {
			n--
		}
	}
	return n
}
