// Package hub is the loop that turns a Git repository into one signed bundle per cluster, and
// the agents' reports into the state people ask for:
//
//	source → resolve → publish; and back: ingest → state
//
// This package has the loop and the interfaces that it needs (Resolving, Following, Bus, Store). Package resolve says what
// each cluster is to run at a revision, fetch follows sources beside the repository, and model has the nouns and ports
// that they share. Each other folder wraps one dependency, such as git, kustomize, nats or bolt. These adapters never
// import each other, and meet in cmd/drover.
//
// It may import hub/model, hub/resolve, hub/fetch, fleet, protocol and internal; never agent or an adapter.
package hub
