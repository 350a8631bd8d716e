// Package deletions judges which deletions of a change wait for a person: it is the deletion budget. It is pure.
//
// It may import protocol and the standard library.
package deletions

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Limits bound what a change may delete before a person is asked. The zero value of a field is that of Default.
type Limits struct {
	// App and Cluster are the shares of an app's and of a cluster's objects, in percent, above which deletions are held.
	App     int `json:"app,omitempty"`
	Cluster int `json:"cluster,omitempty"`
	// Fleet is the share of the clusters, in percent, above which one commit may not delete AtLeast objects in each.
	Fleet int `json:"fleet,omitempty"`
	// AtLeast is how many objects of a cluster a change must delete before its share counts.
	AtLeast int `json:"atLeast,omitempty"`
	// Kinds are those of which any deletion is held, as Kind or Kind.group; nil for those of Default.
	Kinds []string `json:"kinds,omitempty"`
	// Closed has what Git permits by itself (Permitted, and the trailer of a commit) count for nothing.
	Closed bool `json:"closed,omitempty"`
}

// Default are the limits where no policy sets others.
var Default = Limits{App: 50, Cluster: 20, Fleet: 10, AtLeast: 5,
	Kinds: []string{"StatefulSet", "PersistentVolumeClaim"}}

// leastClusters is how many clusters have to lose much before Limits.Fleet counts.
const leastClusters = 3

// With gives limits in which what is not set is that of Default.
func (l Limits) With() Limits {
	l.App, l.Cluster = cmp.Or(l.App, Default.App), cmp.Or(l.Cluster, Default.Cluster)
	l.Fleet, l.AtLeast = cmp.Or(l.Fleet, Default.Fleet), cmp.Or(l.AtLeast, Default.AtLeast)
	if l.Kinds == nil {
		l.Kinds = Default.Kinds
	}
	return l
}

// precious says whether an object is of a kind of which any deletion is held.
func (l Limits) precious(ref protocol.ObjectRef) bool {
	return slices.ContainsFunc(l.Kinds, func(kind string) bool {
		name, group, grouped := strings.Cut(kind, ".")
		return ref.Kind == name && (!grouped || ref.Group == group)
	})
}

// Reason says why deletions are held.
type Reason string

// The reasons, in the order in which Guard gives them. They are stored: a word never changes its meaning.
const (
	Data         Reason = "Data"         // an object of one of Limits.Kinds is among them
	FleetGone    Reason = "FleetGone"    // see AppLoss
	FileGone     Reason = "FileGone"     // see AppLoss
	AppShare     Reason = "AppShare"     // too large a share of the app
	ClusterShare Reason = "ClusterShare" // too large a share of the cluster
	Everywhere   Reason = "Everywhere"   // too many clusters lose much by the same commit
)

// Text says a reason to people, as a sentence without a full stop. l are the limits that held.
func (r Reason) Text(l Limits) string {
	l = l.With()
	switch r {
	case Data:
		if slices.Equal(l.Kinds, Default.Kinds) {
			return "a StatefulSet or PersistentVolumeClaim is among them"
		}
		return "an object of a kind that a policy protects is among them (" + strings.Join(l.Kinds, ", ") + ")"
	case FleetGone:
		return "fleet/ is gone from Git, or declares nothing any more"
	case FileGone:
		return "cluster.yaml is gone from Git, or empty"
	case AppShare:
		return fmt.Sprintf("that is more than %d %% of the app", l.App)
	case ClusterShare:
		return fmt.Sprintf("that is more than %d %% of the cluster", l.Cluster)
	case Everywhere:
		return fmt.Sprintf("%s or more go from each of more than %d %% of the clusters", objects(l.AtLeast), l.Fleet)
	}
	return string(r)
}

func objects(n int) string {
	if n == 1 {
		return "1 object"
	}
	return strconv.Itoa(n) + " objects"
}

// AppLoss is what a change takes from one app of a cluster.
type AppLoss struct {
	App     string
	Deletes []protocol.ObjectRef // see Gone
	Had     int                  // objects of the app before
	// FleetGone: the cluster had apps that are declared once for many clusters, and nothing declares any now.
	FleetGone bool
	FileGone  bool // the cluster's own description was there, and is not now
	// Everywhere: deletions of the app were held before because too many clusters lost much, and still are.
	Everywhere bool
	Limits     Limits // that hold for the app
}

// Loss is what a change takes from a cluster.
type Loss struct {
	Apps []AppLoss
	Had  int // objects of the cluster before
	// Losing is how many clusters lose much by the same commit, of Clusters that there are.
	Losing, Clusters int
}

// Guard says of which apps the deletions wait for a person, and why. It is the only judge of that.
func Guard(l Loss) map[string][]Reason {
	all := 0
	for _, a := range l.Apps {
		all += len(a.Deletes)
	}
	held := map[string][]Reason{}
	for _, a := range l.Apps {
		n, limits := len(a.Deletes), a.Limits.With()
		if n == 0 {
			continue
		}
		many := all >= limits.AtLeast
		hold := func(why Reason, is bool) {
			if is {
				held[a.App] = append(held[a.App], why)
			}
		}
		hold(Data, slices.ContainsFunc(a.Deletes, limits.precious))
		hold(FleetGone, a.FleetGone)
		hold(FileGone, a.FileGone)
		hold(AppShare, many && n*100 > a.Had*limits.App)
		hold(ClusterShare, many && all*100 > l.Had*limits.Cluster)
		hold(Everywhere, many && (a.Everywhere || limits.tooMany(l.Losing, l.Clusters)))
	}
	return held
}

// tooMany says whether losing, of so many clusters, are too many to lose AtLeast objects each by one commit.
func (l Limits) tooMany(losing, clusters int) bool {
	return losing >= leastClusters && losing*100 > clusters*l.Fleet
}

// holdsData says whether data may be lost with an object.
func holdsData(ref protocol.ObjectRef) bool {
	return ref.Kind == "StatefulSet" || ref.Kind == "PersistentVolumeClaim"
}

// Owned is an object that an app may have in a cluster.
type Owned struct {
	Ref  protocol.ObjectRef
	Keep bool // it is never pruned
	// Permitted: the object itself says that it may be deleted, see fleet.AnnotationDeletions.
	Permitted bool
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
		bases[WithoutHash(ref)] = true
	}
	for _, o := range had {
		if wanted[o.Ref] || elsewhere(o.Ref) {
			continue
		}
		gone = append(gone, o.Ref)
		if prunes && !o.Keep && (!bases[WithoutHash(o.Ref)] || holdsData(o.Ref)) {
			deletes = append(deletes, o.Ref)
		}
	}
	for _, list := range [...][]protocol.ObjectRef{gone, deletes} { // as package internal/order says: it costs no code
		sort.Slice(list, func(i, j int) bool { return list[i].Compare(list[j]) < 0 })
	}
	return gone, deletes
}

// hashSize is the length of the hash that kustomize puts behind the names of objects that it generates, and
// hashAlphabet what it is made of (sigs.k8s.io/kustomize/api/hasher, encode).
const (
	hashSize     = 10
	hashAlphabet = "2456789bcdfghkmt"
)

// WithoutHash takes kustomize's hash of the content off the name of an object.
func WithoutHash(ref protocol.ObjectRef) protocol.ObjectRef {
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
