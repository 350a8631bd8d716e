// Package apply applies one object as its mode asks: only if it does not exist, after taking over the fields that other
// tools applied, or by deleting and recreating it where an immutable field changed. Before an object is deleted it is
// tried whether it could be created.
//
// A Task keeps no state. It may import agent, guard, fleet, protocol and internal.
package apply
