// Package checks follows objects that belong to others and must be healthy for an app to be: each takes a watch of its
// own, so their number is bounded.
//
// Checks is the state of one app, whose goroutine alone uses it; what a watch tells is posted to that goroutine. It may
// import agent, fleet, protocol and internal.
package checks
