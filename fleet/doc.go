// Package fleet holds the pure rules of Drover that hub and agent share: the order in which objects and apps are
// applied, what an object's annotations ask for, the health of an object and how it rolls up to its app, which objects
// are deleted, and when that waits for a person. What Git declares of apps and clusters is in hub/model.
//
// It does no I/O, reads no clock and starts no goroutine, so hub and agent reach the same conclusions
// from the same data. It imports protocol and the standard library.
package fleet
