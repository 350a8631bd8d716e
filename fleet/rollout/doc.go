// Package rollout is the state machine that releases a change to a fleet in waves, and takes it back. Step is pure:
// what it knows comes as arguments, and what it decides is a value. It reads no clock, no store and no cluster.
//
// The unit is a target: a commit with everything that it takes from elsewhere, resolved for every cluster. Targets
// travel like trains: a wave that is free takes the newest target that the wave before it has passed, and keeps it
// until it has passed or failed. What is judged are digests and never commits: a cluster whose content does not
// change takes no part, content that failed is remembered by app and digest whatever commit brings it, and only
// that is taken back.
//
// What a cluster is to have is state (Cluster.Apps); a release is the difference between that and what its record
// has. So a step that is repeated, after a crash between two writes or for any other reason, asks for the same.
// State has to be stored before its releases are.
//
// A step looks at every cluster. A Machine decides the same, and remembers how clusters are counted (package tally), so
// that what one report changes costs what that cluster costs.
//
// It may import protocol, fleet/schedule, fleet/selector, tally and words.
package rollout
