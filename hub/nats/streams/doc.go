// Package streams has the rules for the hub's streams on NATS JetStream: how each is set up (Configs), how the storage
// of a server is divided among them (Shares), which answers say that it is used up (Full), and how to notice that a
// stream was lost, changed, or written to by another client (Guard).
//
// It sends no request. It may import hub, hub/nats/limits and protocol.
package streams
