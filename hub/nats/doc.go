// Package nats is the bus: an embedded nats-server or the connection to an external one, the buckets and
// the stream on it, what is published and heard there, and the identities of those who may speak.
//
// The hub is a NATS operator. It has one account, AGENTS, in which every cluster has a user of its own that may do
// exactly what protocol.AgentSubjects says.
//
// It may import hub and protocol.
package nats
