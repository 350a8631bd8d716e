// Package credential is who an agent is and whom it trusts: one credential with its keys, kept in a Vault in the
// cluster, joined and renewed by way of the hub.
//
// It may import agent, protocol and internal; never the packages beside it.
package credential
