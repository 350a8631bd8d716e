package helm

import "time"

// What a chart may take. Helm itself bounds only the size of an unpacked archive; these are far above what an API
// server would take, and keep one chart from taking the hub's machine. A worker holds those that are exported.
const (
	MaxChart   = 64 << 20 // bytes of a chart's files, as read or unpacked
	MaxObjects = 50_000   // objects that a chart gives
	MaxOutput  = 64 << 20 // bytes of rendered text
	MaxMemory  = 1 << 30  // bytes of memory of a worker

	maxFile   = 16 << 20 // bytes of one file of a chart
	maxFiles  = 10_000   // files of a chart
	maxDepth  = 32       // folders within folders, and local dependencies within dependencies
	maxValues = 8 << 20  // bytes of values that a release gives
)

const (
	maxTime  = 60 * time.Second // for one render, with the time it waits for its turn
	idleTime = 30 * time.Second // after which a worker without work ends
)
