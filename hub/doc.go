// Package hub is the loop that turns a Git repository into one signed bundle per cluster, and
// the agents' reports into the state people ask for:
//
//	follow → resolve → release → publish; and back: ingest → state
//
// This package has the loop (Hub) with its parts, of which each is the only writer of what it knows, and the interfaces
// that they need (Resolving, Following, Bus, Store). Package resolve says what each cluster is to run at a revision,
// fetch follows sources beside the repository, model has the nouns and ports that they share, release has the rules by
// which a candidate is released, and trail knows which events are missing. Each other folder wraps one dependency, such
// as git, kustomize, nats or bolt. These adapters never import each other, and meet in cmd/drover.
//
// It may import hub/model, hub/resolve, hub/fetch, hub/release, hub/trail, fleet, protocol and internal; never agent or
// an adapter.
package hub
