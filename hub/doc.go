// Package hub is the loop that turns a Git repository into one signed bundle per cluster, and
// the agents' reports into the state people ask for:
//
//	follow → resolve → release → publish; and back: ingest → state
//
// This package holds the nouns, the loop (Hub) with its parts, of which each is the only writer of what it knows, and
// the interfaces it needs (Source, Renderer, Bus, Store). The packages release, the rules by which a candidate is
// released, and trail are parts of it. The other folders wrap one dependency each; they import this package, never each other, and
// meet in cmd/drover.
//
// It may import fleet, protocol, internal, hub/release and hub/trail; never agent.
package hub
