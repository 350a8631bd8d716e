// Package drift decides about objects that differ from what Drover applied: whether a sighting shows drift (Judge),
// what
// is done about it (Decide), and how fast an object is healed that other clients change or delete again and again
// (Conflict). It is pure: the time is an argument, and nothing is sent.
//
// It may import agent, protocol and internal.
package drift
