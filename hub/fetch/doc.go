// Package fetch follows sources beside the repository, off the hub's loop: each one once, whatever many clusters use
// it. What it fetched is kept on the disk.
//
// How a kind of source is fetched is behind Remote, which hub/git, hub/oci and hub/helm implement. It may import
// hub/model, fleet and internal; never the loop (package hub), hub/resolve or an adapter.
package fetch
