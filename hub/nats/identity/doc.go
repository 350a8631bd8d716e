// Package identity decides who may speak for a cluster: it keeps the public parts of credentials and join tokens, one
// file each, grants, renews and revokes credentials, and says which keys vouch for what a cluster said.
//
// It knows no connection. Who has one passes in what was asked, and says how servers are told of revoked users
// (Identities.Advertise) and how agents are asked (Identities.Reach).
//
// It may import hub, hub/nats/files, hub/nats/keyring, hub/nats/limits and protocol.
package identity
