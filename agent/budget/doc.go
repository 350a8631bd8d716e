// Package budget counts how many objects of an app were deleted, and decides whether the rest that Git no longer has
// may
// be deleted too, see protocol.Deletions.
//
// A Budget is the state of one app, which alone uses it. It is pure: it is told about the app, and says what to tell
// and
// whether there is something to store. The count and the inventory are stored in one write, so the objects that are
// left
// over and those that were counted always have the same sum: a crash between a delete and that write brings the object
// back into the inventory and takes it out of the count, and it is counted when it is found gone.
//
// It may import agent, guard, plan, protocol and internal.
package budget
