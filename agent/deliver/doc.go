// Package deliver keeps one cluster as its bundles say, for the term of a leader:
//
//	receive → verify → plan → apply → watch → report
//
// A bundle that is signed, sealed to this cluster and newer than the last one is accepted and stored. Every app of it
// that changed gets a plan. An app's turn then writes its intent (the new blob, and an inventory of old and new objects
// together), applies what changed in stages, prunes what was removed, and writes the outcome. Whatever happens in
// between, the inventory never lacks an object that was applied, and the blob is never an older one.
//
// One watch per kind tells of every change to an owned object. After each apply the agent knows the hash of the field
// set that managedFields gives to Drover; a different hash, or no object, is drift, and the same line is applied again
// at once.
//
// An app with hooks or waves goes through them as an agent.Run: package hook decides what is due, hookRunner executes
// it (hooks.go), and the turn ends where it has to wait; the watch, or a timer, begins the next one. The run is stored
// with the app, what is about to be done before it is done, and a hook's object is named and marked after its run and
// held by a finalizer until it is stored how it ended. So an agent that ends at any moment leaves nothing that is done
// twice.
//
// Each app has a goroutine of its own, which alone owns the app's state; all others send it messages (actor.go). A
// request runs beside it, and the app handles its messages meanwhile. Apps share two things, each with a small lock of
// its own that is never held over a request: which app owns which object (package inventory), and a board with what a
// bundle asks of every app and what each app tells of itself (board.go). Whatever is old on the board is old in the
// direction that keeps objects. docs/decisions/actors.md says what that replaced, and why each step stays safe.
//
// It may import agent, the packages beside it that are no adapters (plan, hook, orders, inventory, watch,
// guard, mailbox, blobs, report, upgrade, credential), fleet, protocol and internal; never kube or nats.
package deliver
