// Package deliver keeps one cluster as its bundles say, for the term of a leader:
//
//	receive → verify → plan → apply → watch → report
//
// A bundle that is signed, sealed to this cluster and newer than the last one is accepted and stored. What it asks of
// all apps is put on the board (package board), and every app of it that changed gets a plan (package planning). From
// there on each app goes its own way (package app), in a goroutine of its own. A session begins with what is stored in
// the cluster, and ends when another agent turns out to lead; what its apps share is an app.Env.
//
// Apps share two things, each with a small lock of its own that is never held over a request: which app owns which
// object (package inventory), and the board. Whatever is old on the board is old in the direction that keeps objects.
// docs/decisions/actors.md says what that replaced, and why each step stays safe.
//
// It may import agent, the packages below agent/, fleet, protocol and internal; never the adapters kube, nats and
// pluginhost. Rules belong into a package of one duty: drift, budget, contents, orders and guard decide.
package deliver
