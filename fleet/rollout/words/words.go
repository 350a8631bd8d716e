// Package words says for people what waves wait for.
//
// It imports the standard library alone.
package words

import (
	"fmt"
	"slices"
)

// Approvals says who has yet to approve.
func Approvals(groups []string, missing, needed int) string {
	text := "waits for approval"
	if missing > 1 {
		text = fmt.Sprintf("waits for %d approvals", missing)
	}
	for i, group := range slices.Sorted(slices.Values(groups)) {
		if i == 0 {
			text += " by " + group
			continue
		}
		text += " or " + group
	}
	if missing < needed {
		text += fmt.Sprintf(" (%d of %d)", needed-missing, needed)
	}
	return text
}

// Clusters counts clusters.
func Clusters(n int) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}
