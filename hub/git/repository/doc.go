// Package repository reads one Git repository on this machine, in place: refs, revisions as gitrevisions(7) has them,
// and commits as model.Snapshot, trees read from Git objects without a checkout.
//
// It may import hub/model, hub/git/object, and of go-git what reads a repository's configuration.
package repository
