// Package keyring has the hub's secrets, and everything that they vouch for: certificates of NATS servers, the operator
// and the accounts that servers are told of, and the JWTs of users.
//
// The hub is a NATS operator. It has one account, AGENTS, in which every credential of a cluster is a user that may do
// exactly what protocol.AgentSubjects says, and every join token one that may do what protocol.JoinSubjects says. The
// hub's streams are in an account of their own, HUB. See docs/decisions/bus-accounts.md.
//
// Keys are rotated in two steps: Keys.Begin, Keys.Finish. Who may connect is decided by package identity.
//
// It may import hub, hub/nats/files, hub/nats/limits and protocol.
package keyring
