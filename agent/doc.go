// Package agent is the loop that keeps one cluster as Git wants it:
//
//	receive → verify → apply → watch → report
//
// The root of the room holds the nouns, the loop and the interfaces it needs (Cluster, Store, Bus). Each
// folder below wraps one dependency: kube the API server, nats the session with the hub. They import this
// package, never each other, and meet in cmd/drover-agent.
//
// It may import fleet, protocol and internal, and zstd for the blobs; never hub.
//
// # How it works
//
// A bundle that is signed, sealed to this cluster and newer than the last one is accepted and written into the
// cluster (Store). Every app of it that changed gets a plan: the index of its blob. An app's pass then writes its
// intent (the new blob, and an inventory of old and new objects together), applies what changed in stages, prunes
// what left, and writes the outcome. Whatever happens in between, the inventory never lacks an object that was
// applied, and the blob never is an older one.
//
// One watch per kind tells of every change to an owned object. After each apply the agent knows the hash of the
// field set that managedFields gives to Drover; a different hash, or no object, is drift, and is healed at once
// with the same line that was applied before.
//
// An app with hooks or waves goes through them as a Run: a turn does what is due and ends where it has to wait; the watch, or a timer, begins
// the next one. The Run is stored with the app, what is about to be done before it is done, and a hook's object is named and marked after its run
// and held by a finalizer until it is stored how it ended. So an agent that ends at any moment leaves nothing that is done twice.
//
// All state of a leading agent is one session, guarded by one mutex that is never held over a request.
package agent
