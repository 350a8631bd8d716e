// Package order sorts slices as package slices does, with code that all types share: each type that slices.SortFunc is
// used with costs a program about 15 KiB, and the agent is to stay small. It imports the standard library only.
package order

import "sort"

// Sort sorts s by compare, as slices.SortFunc does: equal elements may change their order.
func Sort[T any](s []T, compare func(a, b T) int) {
	sort.Slice(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
}

// Stable sorts s by compare, as slices.SortStableFunc does: equal elements keep their order.
func Stable[T any](s []T, compare func(a, b T) int) {
	sort.SliceStable(s, func(i, j int) bool { return compare(s[i], s[j]) < 0 })
}
