package release

import (
	"slices"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/protocol"
)

// Gone is a cluster whose folder is gone from Git.
type Gone struct {
	Cluster string
	// Known: it is remembered what the cluster was given. Joined: its agent has a credential. Heard: it has reported,
	// or its credential was revoked.
	Known, Joined, Heard bool
}

// Leaving decides which clusters whose folders are gone are released now, and which wait for a person; both are
// sorted.
//
// One of them leaves. More than one in a single step is more often a mistake than a wish, so they are held; so is the
// only cluster there is when the hub starts, because a wrong --path looks just like it, one that is to be pruned where
// the guard of deletions would not let that through, and one that joined and of which a hub that starts remembers
// nothing: its store was lost, and with it whether the cluster was held or is to be pruned. One that is known by its
// last report alone was cut off before, and only the store forgot: it leaves.
//
// first says that the hub has not seen a revision before, clusters how many there were. empties is Gate.Empties, and is
// asked where it decides.
func Leaving(gone []Gone, first bool, clusters int, empties func(cluster string) bool) (leave, hold []string) {
	var cut, names []string
	doubtful := false
	for _, g := range gone {
		if !g.Known && !g.Joined && g.Heard {
			cut = append(cut, g.Cluster)
			continue
		}
		names = append(names, g.Cluster)
		forgotten := g.Joined && !g.Known
		doubtful = doubtful || first && (clusters == 1 || forgotten)
	}
	slices.Sort(cut)
	slices.Sort(names)
	if len(names) > 1 || len(names) == 1 && (doubtful || empties(names[0])) {
		return cut, names
	}
	return append(names, cut...), nil
}

// Empties says whether the guard of deletions would hold what pruning a removed cluster deletes. c is the empty
// bundle that it would be given.
func (g Gate) Empties(c Candidate, before Released, f Facts) bool {
	changes, had := g.weigh(c, before.Bundle).compare(before.Deletions)
	permit(changes, c, f)
	return len(deletions.Guard(lossOf(changes, had, c, deletions.AppLoss{}, f))) > 0
}

// Emptied is the candidate of a cluster that is to be pruned: complete, and without apps.
func Emptied(last protocol.Bundle, revision protocol.Revision) Candidate {
	return Candidate{Removed: true, Bundle: protocol.Bundle{Version: protocol.Version, Cluster: last.Cluster,
		Revision: revision, Suspend: last.Suspend, AgentImage: last.AgentImage, Apps: []protocol.App{}}}
}
