// Package app is one app of the cluster: a goroutine that alone owns the app's state, and takes its turns.
//
// A turn does what is due, from the first step that is: it writes its intent (the new blob, and an inventory of old and
// new objects together), applies what changed in stages, prunes what was removed, and writes the outcome. What a step
// waits for is not waited for there: the turn ends, and whatever moves it, or the time, begins another one. Whatever
// happens in between, the inventory never lacks an object that was applied, and the blob is never an older one.
//
// The parts of an app have packages and state of their own: fetch, saving, assess, outcome, retry, relation, pass,
// sight, heal, move, prune and hookrun; owned is what they work on, and status what follows from it. Each asks the app
// for a few things through an interface of its own. parts joins them, turns takes the turns, and App is what others
// see. Env is what the apps of a session reach and share, with small locks that are never held over a request.
//
// It may import agent, the packages of one duty in agent/, fleet, protocol and internal; never deliver and the adapters
// kube, nats and pluginhost.
package app
