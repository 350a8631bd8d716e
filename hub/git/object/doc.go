// Package object reads Git objects: from packs, loose files, and the repositories that a repository borrows from.
//
// They are read here and not through go-git's storage, for three reasons: that storage lists packs once, so it does not
// see what git gc or a push does beside it; it is not safe for concurrent reads; and it opens packs by name when it
// needs them, so that a snapshot becomes unreadable when git repacks. Here Objects that are held keep the packs open
// that they were read from. See docs/decisions/git-objects.md.
//
// It may import go-git for the type of an object's id.
package object
