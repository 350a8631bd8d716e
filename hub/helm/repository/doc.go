// Package repository fetches charts from where they are published: chart repositories, OCI registries, and addresses of
// archives. What was fetched is kept on disk and asked for again only when it may have changed.
//
// It may import hub/model, hub/memtree, hub/helm, internal/outbound, oras-go and of Helm's SDK what names files to ignore.
package repository
