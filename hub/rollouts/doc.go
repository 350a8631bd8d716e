// Package rollouts holds back what RolloutPolicies hold back: it stands between what Git asks of clusters and what they
// are given, drives fleet/rollout for every policy, and remembers what clusters are to have. It does no I/O: what it
// knows comes as arguments, and what has to be stored it gives back. Nothing in it is safe for concurrent use.
//
// It may import fleet, protocol and hub/model.
package rollouts
