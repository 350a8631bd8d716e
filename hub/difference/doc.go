// Package difference compares what two revisions ask of the clusters of a fleet, and groups what is the same in many of
// them. It is pure: it gets bundles and the objects in them as arguments, and reads no tree, no store and no clock.
//
//	Comparer.Cluster → changes of one cluster → Grouping → groups: one change, and the clusters that have it
//
// Equal content is compared once, however many clusters have it. Data of Secrets and encrypted values never become
// part of a change: only which of them differ.
//
// It may import fleet, fleet/deletions and protocol.
package difference
