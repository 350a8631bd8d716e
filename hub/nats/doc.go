// Package nats is the bus: an embedded nats-server or the connection to an external one, the buckets and
// the stream on it, what is published and heard there, and the identities of those who may speak.
//
// The hub is a NATS operator. It has one account, AGENTS, in which every credential of a cluster is a user that may do exactly what
// protocol.AgentSubjects says, and every join token one that may do what protocol.JoinSubjects says. The hub keeps their
// public keys alone. What agents say is signed by the key of a credential and sealed to the hub: the servers are trusted to
// deliver, and with nothing else.
//
// It may import hub and protocol.
package nats
