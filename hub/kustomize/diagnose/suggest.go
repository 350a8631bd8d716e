package diagnose

import (
	"fmt"
	"path"
	"strings"
)

// suggest picks the name nearest to a misspelt one.
func suggest(name string, known []string, otherwise string) string {
	stem := strings.TrimSuffix(name, path.Ext(name))
	best, distance := "", (len(stem)+2)/3 // a third of the name may be wrong
	for _, k := range known {
		if d := edits(name, k); d > 0 && d <= distance && len(stem) > 2 {
			best, distance = k, d-1
		}
	}
	if best == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// edits counts the changes of one letter, or swaps of two neighbours, between two names.
func edits(a, b string) int {
	if len(a) > 255 || len(b) > 255 {
		return max(len(a), len(b))
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
