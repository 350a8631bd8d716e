// Package files writes what the hub must not lose, and secrets: a file is there whole or not at all, and only the user
// who runs the hub can read it.
//
// It imports the standard library alone.
package files
