// Package planning makes plans of what a bundle names: it fetches the blob of an app, or takes the one that is stored,
// reads the app's inputs, and finds out where its objects belong. Nothing of an app changes here: the caller puts a
// plan into force, or notes in a Fetch why there is none.
//
// It may import agent, the packages blobs, input, owned (for the codes of failures) and plan in agent/, mailbox, fleet,
// protocol and internal.
package planning
