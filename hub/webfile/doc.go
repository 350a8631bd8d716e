// Package webfile fetches single files over HTTP, such as the manifests that a kustomization names by their addresses.
//
// What was fetched is kept on the disk, so that a hub that starts while a server is away goes on, and is asked for again
// with its validators. Bytes and time are bounded.
//
// It may import fleet, hub/model, hub/memtree, internal and the standard library; never another package below hub.
package webfile
