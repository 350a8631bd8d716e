// Package owned is what one app has in the cluster and what it is to be there: a Set of Objects, each as it was applied
// and seen last, and the plans that want them. It decides nothing about other apps and asks nobody: whatever the watch,
// a request or a bundle tells is told to it, and it says what follows for an object.
//
// A Set belongs to the goroutine of its app. It may import agent, the pure packages drift, guard and plan, board for
// how an object stands to others, watch for the looks into objects that are not well, fleet, protocol and internal.
package owned
