// Package query is the index of what the hub knows of its clusters, and the questions people ask of it.
// The command line, the API and the pages all answer from here, so they cannot disagree.
//
// Like fleet it is pure: no I/O, no clock, no goroutines. It imports fleet, protocol and the standard library.
package query
