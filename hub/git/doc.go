// Package git watches a Git repository and hands out its revisions as model.Snapshot: trees read
// from Git objects, without a checkout.
//
// A repository on this machine (a path, or file://) is read in place, and a moved branch is
// noticed by watching the files that hold the refs. Any other URL is mirrored: go-git clones and fetches
// into a bare repository below Options.Dir, and the same reader reads that. The packages below:
//
//	repository    one repository on this machine: refs, revisions, snapshots
//	object        packs, deltas, loose objects
//	access        addresses, logins, and what errors of reaching a server mean
//	bounds        what a server may send, and how long it may take
//	sourceignore  what Flux would leave out of a tree
//
// It may import hub/model, go-git, fsnotify and the packages below it; never another package below hub.
package git
