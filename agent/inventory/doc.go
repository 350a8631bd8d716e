// Package inventory knows which app owns which object. It is one of the two things that the apps of a cluster share;
// everything else of an app belongs to the app's own goroutine.
//
// An Index is set arithmetic under a small lock of its own: it does no I/O and waits for nothing. Its answer is the
// decision: of two apps that claim an object at the same time exactly one gets it.
//
// It may import protocol and the standard library.
package inventory
