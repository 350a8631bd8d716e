package agent

import (
	"cmp"
)

// Order compares bundles by epoch and generation.
func Order(epochA, generationA, epochB, generationB uint64) int {
	return cmp.Or(cmp.Compare(epochA, epochB), cmp.Compare(generationA, generationB))
}
