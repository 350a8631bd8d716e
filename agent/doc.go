// Package agent has the nouns of the agent, which keeps one cluster as Git wants it, and the ports by which its parts
// reach the world: Cluster and Objects (the API server), Store (its state in the cluster), Bus (the hub), PluginHost. Each
// is composed of interfaces of at most five methods, such as Kinds, Watcher, Applier and Remover: take the one that is
// needed.
//
//	agent/nats → agent/deliver → agent/kube
//
// plan, report, upgrade and credential below it have one duty each; deliver puts them together for the term of a
// leader; kube, nats and plugins wrap one dependency each and do not know each other. All meet in cmd/drover-agent.
//
// It may import fleet, protocol and internal, and zstd for the blobs; never hub, and nothing below it.
package agent
