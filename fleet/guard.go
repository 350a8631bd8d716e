package fleet

import (
	"fmt"
	"slices"

	"github.com/drover-dev/drover/protocol"
)

// The bounds of Guard.
const (
	// GuardAtLeast is how many objects of a cluster a change must delete before its share counts.
	GuardAtLeast = 5
	// GuardAppPercent and GuardClusterPercent are the shares of an app's and of a cluster's objects above which
	// deletions are held.
	GuardAppPercent     = 50
	GuardClusterPercent = 20
	// GuardFleetPercent is the share of the clusters above which one commit may not delete GuardAtLeast objects in
	// each; GuardClusters is how many clusters that must be at least.
	GuardFleetPercent = 10
	GuardClusters     = 3
)

// GuardReason says why deletions are held.
type GuardReason string

// The reasons, in the order in which Guard gives them. They are stored: a word never changes its meaning.
const (
	GuardData         GuardReason = "Data"         // a StatefulSet or PersistentVolumeClaim is among them
	GuardFleetGone    GuardReason = "FleetGone"    // see AppLoss
	GuardFileGone     GuardReason = "FileGone"     // see AppLoss
	GuardAppShare     GuardReason = "AppShare"     // too large a share of the app
	GuardClusterShare GuardReason = "ClusterShare" // too large a share of the cluster
	GuardEverywhere   GuardReason = "Everywhere"   // see AppLoss
)

// Text says a reason to people, as a sentence without a full stop.
func (r GuardReason) Text() string {
	switch r {
	case GuardData:
		return "a StatefulSet or PersistentVolumeClaim is among them"
	case GuardFleetGone:
		return "fleet/ is gone from Git, or declares nothing any more"
	case GuardFileGone:
		return "cluster.yaml is gone from Git, or empty"
	case GuardAppShare:
		return fmt.Sprintf("that is more than %d %% of the app", GuardAppPercent)
	case GuardClusterShare:
		return fmt.Sprintf("that is more than %d %% of the cluster", GuardClusterPercent)
	case GuardEverywhere:
		return fmt.Sprintf("%d objects or more go from each of more than %d %% of the clusters",
			GuardAtLeast, GuardFleetPercent)
	}
	return string(r)
}

// AppLoss is what a change takes from one app of a cluster.
type AppLoss struct {
	App     string
	Deletes []protocol.ObjectRef // see Gone
	Had     int                  // objects of the app before
	// FleetGone: the cluster had apps that are declared once for many clusters, and nothing declares any now.
	FleetGone bool
	FileGone  bool // the cluster's own description was there, and is not now
	// Everywhere: one commit deletes GuardAtLeast objects or more in each of too many clusters, see TooMany.
	Everywhere bool
}

// Loss is what a change takes from a cluster.
type Loss struct {
	Apps []AppLoss
	Had  int // objects of the cluster before
}

// Guard says of which apps the deletions wait for a person, and why. It is the only judge of that.
func Guard(l Loss) map[string][]GuardReason {
	all := 0
	for _, a := range l.Apps {
		all += len(a.Deletes)
	}
	many := all >= GuardAtLeast
	held := map[string][]GuardReason{}
	for _, a := range l.Apps {
		n := len(a.Deletes)
		if n == 0 {
			continue
		}
		hold := func(why GuardReason, is bool) {
			if is {
				held[a.App] = append(held[a.App], why)
			}
		}
		hold(GuardData, slices.ContainsFunc(a.Deletes, holdsData))
		hold(GuardFleetGone, a.FleetGone)
		hold(GuardFileGone, a.FileGone)
		hold(GuardAppShare, many && n*100 > a.Had*GuardAppPercent)
		hold(GuardClusterShare, many && all*100 > l.Had*GuardClusterPercent)
		hold(GuardEverywhere, many && a.Everywhere)
	}
	return held
}

// TooMany says whether losing, of so many clusters, are too many to lose GuardAtLeast objects each by one commit.
func TooMany(losing, clusters int) bool {
	return losing >= GuardClusters && losing*100 > clusters*GuardFleetPercent
}

// holdsData says whether data may be lost with an object.
func holdsData(ref protocol.ObjectRef) bool {
	return ref.Kind == "StatefulSet" || ref.Kind == "PersistentVolumeClaim"
}

// Owned is an object that an app may have in a cluster.
type Owned struct {
	Ref  protocol.ObjectRef
	Keep bool // it is never pruned
}

// Gone compares what an app may have in a cluster with what it and, as elsewhere says, the other apps of the cluster
// want. gone are the objects that leave the app, sorted; deletes are those of them that are deleted and not replaced.
// prunes is false if the app leaves its objects.
func Gone(had []Owned, wants []protocol.ObjectRef, elsewhere func(protocol.ObjectRef) bool, prunes bool) (
	gone, deletes []protocol.ObjectRef,
) {
	wanted, bases := map[protocol.ObjectRef]bool{}, map[protocol.ObjectRef]bool{}
	for _, ref := range wants {
		wanted[ref] = true
		bases[withoutHash(ref)] = true
	}
	for _, o := range had {
		if wanted[o.Ref] || elsewhere(o.Ref) {
			continue
		}
		gone = append(gone, o.Ref)
		if prunes && !o.Keep && (!bases[withoutHash(o.Ref)] || holdsData(o.Ref)) {
			deletes = append(deletes, o.Ref)
		}
	}
	slices.SortFunc(gone, protocol.ObjectRef.Compare)
	slices.SortFunc(deletes, protocol.ObjectRef.Compare)
	return gone, deletes
}

// hashSize is the length of the hash that kustomize puts behind the names of objects that it generates, and
// hashAlphabet what it is made of (sigs.k8s.io/kustomize/api/hasher, encode).
const (
	hashSize     = 10
	hashAlphabet = "2456789bcdfghkmt"
)

// withoutHash takes kustomize's hash of the content off the name of an object.
func withoutHash(ref protocol.ObjectRef) protocol.ObjectRef {
	at := len(ref.Name) - hashSize - 1
	if at <= 0 || ref.Name[at] != '-' {
		return ref
	}
	for _, c := range []byte(ref.Name[at+1:]) {
		if !slices.Contains([]byte(hashAlphabet), c) {
			return ref
		}
	}
	ref.Name = ref.Name[:at]
	return ref
}
