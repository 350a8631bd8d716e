// Package simulate runs the agents of many clusters in one process, to see what a hub can carry: each of them is a
// session of package nats with a credential of its own, joins, verifies every bundle as an agent does, fetches its
// blobs and opens them, and tells the hub by the outbox that agents have. Only the cluster is made up: a table of apps
// in memory, which become healthy after a while, or fail where an Order says so.
//
// It may import agent, the packages below it of one duty, nats, fleet, protocol and internal; never kube or deliver.
package simulate
