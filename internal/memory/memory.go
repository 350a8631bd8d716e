// Package memory gives back to the machine what an idle program does not need. It imports the standard
// library only.
package memory

import "runtime/debug"

// Release gives back what the garbage collector has freed and, on Linux, the pages of the program itself: they are a
// copy of its file, of which most was needed to start and little is needed to wait. What is run again comes back by
// itself, from the page cache as a rule.
func Release() {
	debug.FreeOSMemory()
	releaseProgram()
}
