// Package model has the nouns and ports that the parts of the hub share: what Git declares of clusters, apps and
// sources, trees of files at a revision, rendered objects and their blobs, and the interfaces of what reads folders,
// renders them and gives revisions.
//
// Adapters such as hub/git, hub/layout, hub/kustomize and hub/helm implement its interfaces; hub/resolve and the loop
// (package hub) use them. It may import fleet and protocol; never another package of the hub.
package model
