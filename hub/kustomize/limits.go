package kustomize

import (
	"fmt"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/vet"
)

// What a build may give; vet.Budget says what it may read.
const (
	maxObjects = 50_000
	maxOutput  = 64 << 20 // bytes of JSON
)

// What a build in a worker may take beyond.
const (
	maxMemory = 1 << 30          // bytes of memory of the process
	maxStack  = 64 << 20         // bytes of stack of one goroutine
	maxTime   = 60 * time.Second // with the time that it waits for its turn

	idleTime = 30 * time.Second // after which a worker without work ends
	restTime = 5 * time.Second  // after which a worker gives memory back
	ready    = 2                // workers that do not end: one that builds, and one for what comes meanwhile

	slowAfter   = 100 * time.Millisecond // when a build has taken this long, others take precedence
	lowPriority = 10                     // nice value
)

func tooLarge(b *diagnose.Build) error {
	return &diagnose.BuildError{File: b.Outermost(), Reason: "the objects come to more than 64 MiB", Hint: vet.SplitHint}
}

// init bounds what "copy" operations in a JSON patch may add up to; each can double an object.
func init() { jsonpatch.AccumulatedCopySizeLimit = maxOutput }

func tooManyObjects(b *diagnose.Build) error {
	return &diagnose.BuildError{File: b.Outermost(), Reason: fmt.Sprintf("the folder gives more than %d objects",
		maxObjects), Hint: "split the folder into several apps"}
}
