// Package board holds what the apps of a cluster may know of each other, and nothing else. Only who owns which object
// is
// shared in another place (package inventory). What is on a Board does not change: it is replaced. A bundle's orders
// for
// all apps are put there in one step, before any app is told, so that no app deletes anything by half a bundle.
// Whatever
// is old on it is old in the direction that keeps objects: an app tells that it no longer wants an object after it has
// ceased to want it.
//
// Standings says how single objects are, to apps that apply something after an object of another app.
//
// Each type has a small lock of its own, which is not held over anything else. It may import orders, plan, fleet and
// protocol.
package board
