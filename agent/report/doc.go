// Package report is what an agent tells the hub: reports of how things are, and the journal of what happened. An
// Outbox gathers both and sends them when the hub can be reached; what cannot be sent is kept, bounded, in memory and
// in the cluster. It has a lock of its own and knows nothing of apps.
//
// It may import agent, protocol and internal; never the packages beside it.
package report
