// Package nats is the bus: an embedded nats-server or the connection to an external one, the buckets and
// the stream on it, what is published and heard there, and the identities of those who may speak.
//
// The hub is a NATS operator. It has one account, AGENTS, in which every credential of a cluster is a user that may do
// exactly what protocol.AgentSubjects says, and every join token one that may do what protocol.JoinSubjects says. The
// hub keeps their public keys alone. What agents say is signed by the key of a credential and sealed to the hub: the
// servers are trusted to deliver, and with nothing else.
//
// Every client on the network needs TLS. Certificates come from an authority that the hub makes with its other keys,
// or are the user's own. External servers get their configuration and certificates from here too (Keys.Files): alone,
// as a cluster, or as the leaf node of a far site. Keys are rotated in two steps (Keys.Begin, Keys.Finish).
//
// It may import hub, hub/model and protocol.
package nats
