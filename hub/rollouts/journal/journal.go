// Package journal writes what rollouts release as entries of the journal of decisions. It is pure.
//
// It may import fleet/rollout and hub/audit.
package journal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/audit"
)

// KindRelease is the kind of an entry that says what was released by which rule.
const KindRelease = "release"

// Release is a release that was decided, with the labels of its cluster and with what the cluster has.
type Release struct {
	rollout.Release
	Labels map[string]string
	Has    rollout.Content
}

// Releases are the entries of releases of a policy: one for each rule by which clusters of a wave get a target, and
// several where it is for more clusters than an entry names.
func Releases(now time.Time, policy rollout.Policy, releases []Release) (out []audit.Entry) {
	type group struct{ wave, target, rule string }
	groups := map[group][]Release{}
	for _, rel := range releases {
		g := group{target: rel.Target, rule: string(rel.Rule)}
		if w := policy.WaveOf(rel.Labels); w >= 0 {
			g.wave = policy.Waves[w].Name
		}
		groups[g] = append(groups[g], rel)
	}
	order := slices.SortedFunc(maps.Keys(groups), func(a, b group) int {
		return cmp.Or(strings.Compare(a.wave, b.wave), strings.Compare(a.target, b.target), strings.Compare(a.rule, b.rule))
	})
	for _, g := range order {
		for some := range slices.Chunk(groups[g], audit.MaxClusters) {
			e := audit.Entry{Time: now, Kind: KindRelease, Policy: policy.Name, Wave: g.wave, Target: g.target, Rule: g.rule,
				Count: len(some), Apps: changed(some)}
			for _, rel := range some {
				e.Clusters = append(e.Clusters, rel.Cluster)
			}
			out = append(out, e)
		}
	}
	return out
}

// changed is what apps are to be that releases change: their digest, or how many there are.
func changed(releases []Release) map[string]string {
	found := map[string]map[string]bool{}
	for _, rel := range releases {
		for _, content := range []rollout.Content{rel.Content, rel.Has} {
			for app := range content {
				if rel.Content[app].Digest == rel.Has[app].Digest {
					continue
				}
				if found[app] == nil {
					found[app] = map[string]bool{}
				}
				found[app][cmp.Or(rel.Content[app].Digest, "removed")] = true
			}
		}
	}
	out := make(map[string]string, len(found))
	for app, digests := range found {
		all := slices.Sorted(maps.Keys(digests))
		if out[app] = all[0]; len(all) > 1 {
			sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
			out[app] = fmt.Sprintf("%d digests, of which the SHA-256 is %s", len(all), hex.EncodeToString(sum[:16]))
		}
	}
	return out
}

// Sum tells releases of one cluster from each other.
func Sum(rel rollout.Release) [16]byte {
	var b strings.Builder
	b.WriteString(rel.Target + " " + string(rel.Rule))
	for _, app := range slices.Sorted(maps.Keys(rel.Content)) {
		b.WriteString(" " + app + "=" + rel.Content[app].Digest)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return [16]byte(sum[:16])
}
