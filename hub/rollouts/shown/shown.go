// Package shown keeps what people are shown of the clusters of a rollout in order, so that what changes in one cluster
// costs no look at the others.
//
// It may import fleet/query and fleet/rollout.
package shown

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
)

// Clusters are lists of clusters, sorted by their names. A list that was given away is never changed, but replaced.
type Clusters struct {
	Behind   []string // have something else than Git asks for
	Stays    []query.Staying
	Failures []query.RolloutFailure
}

// Cluster is what is shown of one: at most one of each.
type Cluster Clusters

// Add adds a cluster whose name comes behind those of all others.
func (l *Clusters) Add(c Cluster) {
	l.Behind, l.Stays, l.Failures = append(l.Behind, c.Behind...), append(l.Stays, c.Stays...),
		append(l.Failures, c.Failures...)
}

// Set says what is shown of a cluster now.
func (l *Clusters) Set(name string, c Cluster) {
	l.Behind = set(l.Behind, name, func(s string) string { return s }, c.Behind)
	l.Stays = set(l.Stays, name, func(s query.Staying) string { return s.Cluster }, c.Stays)
	l.Failures = set(l.Failures, name, func(f query.RolloutFailure) string { return f.Cluster }, c.Failures)
}

func set[T any](list []T, name string, nameOf func(T) string, now []T) []T {
	at, is := slices.BinarySearchFunc(list, name, func(v T, name string) int { return strings.Compare(nameOf(v), name) })
	end := at
	if is {
		end++
	}
	if end-at == len(now) && (end == at || reflect.DeepEqual(list[at], now[0])) {
		return list
	}
	return slices.Concat(list[:at], now, list[end:])
}

// Waves is how waves stand.
func Waves(all []rollout.WaveState, targets map[string]rollout.Known) []query.Wave {
	out := make([]query.Wave, 0, len(all))
	for _, w := range all {
		if w.Reason == rollout.NoClusters {
			w.Text = "no clusters that have joined"
		}
		out = append(out, query.Wave{Name: w.Wave, Target: w.Target, Subject: targets[w.Target].Name,
			Reason: string(w.Reason), Text: w.Text, Since: w.Since, Clusters: w.Clusters, Settled: w.Settled,
			Failed: w.Failed, Budget: w.Budget, Offline: w.Offline})
	}
	return out
}

// Bad are the targets that failed, by their ids.
func Bad(targets map[string]rollout.Known) (out []query.BadTarget) {
	for _, id := range slices.Sorted(maps.Keys(targets)) {
		if t := targets[id]; t.Failed != nil {
			out = append(out, query.BadTarget{Target: id, Subject: t.Name, Since: t.Failed.Since, Why: t.Failed.Why,
				Apps: t.Failed.Apps})
		}
	}
	return out
}

// Decisions are the pins and halts that are in force.
func Decisions(d rollout.Decisions) (pins []query.Pin, halts []query.Halt) {
	for _, cluster := range slices.Sorted(maps.Keys(d.Pins)) {
		pin := d.Pins[cluster]
		pins = append(pins, query.Pin{Cluster: cluster, Until: pin.Until, Reason: pin.Reason, Revision: pin.Target})
	}
	for _, h := range d.Halts {
		halts = append(halts, query.Halt{Wave: h.Wave, Until: h.Until, By: h.By, Reason: h.Reason})
	}
	return pins, halts
}
