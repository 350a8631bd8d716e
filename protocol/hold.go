package protocol

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Deletions bounds what an agent may delete. A bundle without it comes from a hub that is older than the guard; it
// bounds nothing.
type Deletions struct {
	// Apps holds, by app name, a running total: how many objects of the app may have been deleted since the agent first
	// learned of the app. While deletions of an app are held it falls back to what the agent reported, and rises above
	// that again. The agent counts what it deletes (see AppReport.Deleted) and deletes nothing of an app while that would
	// exceed the total. Apps that left the bundle keep their entry, because deleting them counts as well. An app without
	// an entry has the total 0.
	Apps map[string]uint64 `json:"apps,omitempty"`
	// Approved are the ids of holds that the agent reported and a person approved, sorted. See Held.
	Approved []string `json:"approved,omitempty"`
}

// Permitted is the running total of an app. It is safe to call on nil, which permits nothing.
func (d *Deletions) Permitted(app string) uint64 {
	if d == nil {
		return 0
	}
	return d.Apps[app]
}

// HoldKind says why something waits for a person. It is a reason code: scripts may match it.
type HoldKind string

// The kinds of holds. Readers meet kinds they do not know, and show them as they are.
const (
	HoldDeletions HoldKind = "DeletionsOverBudget" // more deletions than the bundle permits
	HoldContents  HoldKind = "ContainerNotEmpty"   // a Namespace or CustomResourceDefinition that still holds objects
	HoldOrphans   HoldKind = "Orphaned"            // objects that Drover applied once and that nothing wants, found after the inventory was lost
	HoldClusters  HoldKind = "ClustersRemoved"     // cluster folders that are gone
	// HoldGeneration is an agent that reports a generation far above what the hub published.
	HoldGeneration HoldKind = "GenerationNotPublished"
	// HoldRelease is newer content of an app that a person releases.
	HoldRelease  HoldKind = "ReleaseHeld"
	HoldIdentity HoldKind = "ClusterIdentity" // the credential is used in another cluster than before
)

// MaxHeldObjects is how many objects a Held names.
const MaxHeldObjects = 20

// Held is one thing that an agent does not do until a person approves it.
type Held struct {
	// ID is the HoldID of the kind, the cluster and app, and the content: it changes when what would happen changes.
	ID      string      `json:"id"`
	Kind    HoldKind    `json:"kind"`
	App     string      `json:"app,omitempty"`
	Object  *ObjectRef  `json:"object,omitempty"`  // the container, of HoldContents
	Count   int         `json:"count"`             // objects that approving would delete, or that would go with Object
	Objects []ObjectRef `json:"objects,omitempty"` // the first MaxHeldObjects of them, sorted
	Message string      `json:"message"`           // what is held and why, in one line
}

// HoldID identifies what waits for approval. scope says where (a cluster, or a cluster and app); content are the lines
// that make up what would happen, in a fixed order. An approval is for exactly this id.
func HoldID(kind HoldKind, scope string, content ...string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%d\n%s", kind, scope, len(content), strings.Join(content, "\n"))
	return hex.EncodeToString(h.Sum(nil)[:5])
}
