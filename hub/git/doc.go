// Package git watches a Git repository and hands out its revisions as model.Snapshot: trees read
// from Git objects, without a checkout.
//
// A repository on this machine (a path, or file://) is read in place, and a moved branch is
// noticed by watching the files that hold the refs. Any other URL is mirrored: go-git clones and fetches
// into a bare repository below Options.Dir, and the same reader reads that.
//
// The objects are read here and not through go-git's storage, for three reasons: that
// storage lists packs once, so it does not see what git gc or a push does beside it; it is not safe for
// concurrent reads; and it opens packs by name when it needs them, so that a snapshot becomes
// unreadable when git repacks. Here a snapshot holds the packs it was made from open.
//
// It may import hub/model, go-git and fsnotify; never another package below hub.
package git
