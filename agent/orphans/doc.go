// Package orphans searches a cluster for objects that Drover applied and that no inventory has, after a part of the
// inventory was lost. What it finds is held until a person approves its deletion. The search continues with every
// agent that leads until nothing is found.
//
// A Search owns its state, which is stored before anything is deleted: why there is a search, and which objects may be
// deleted. It reads what the apps want, and acts on the cluster, through narrow ports.
//
// It may import agent, guard, orders, fleet, protocol and internal.
package orphans
