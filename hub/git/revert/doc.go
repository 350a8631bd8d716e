// Package revert makes commits that take others back, and pushes them to branches of their own. It never changes a
// branch that is there already, least of all the one that the hub follows, and never pushes with force.
//
// Nothing is fetched: the objects are read where the hub has them anyway, and what is pushed are the few new ones.
//
// It may import hub/git with what is below it, and hub/rollouts for its nouns.
package revert
