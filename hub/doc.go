// Package hub is the loop that turns a Git repository into one signed bundle per cluster, and
// the agents' reports into the state people ask for:
//
//	source → resolve → publish; and back: ingest → state
//
// The root of the room holds the nouns, the loop and the interfaces it needs (Source, Renderer,
// Bus, Store). Each folder below wraps one dependency: git, kustomize, nats, bolt. They import
// this package, never each other, and meet in cmd/drover.
//
// It may import fleet, protocol and internal; never agent.
package hub
