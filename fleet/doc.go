// Package fleet holds the pure rules of Drover: what a Cluster and an App are, label selectors,
// the order in which objects and apps are applied, the health of an object, and how health and phases
// roll up from object to app, cluster and fleet.
//
// It does no I/O, reads no clock and starts no goroutine, so hub and agent reach the same conclusions
// from the same data. It imports protocol and the standard library.
package fleet
