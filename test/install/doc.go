// Package install holds the tests of hub/install against a real API server with its controllers: what is applied, what is said
// of pods that do not get ready, and what is left when it was taken away.
package install
