// Package claim decides which app of a cluster delivers an object that several apps declare. It is pure: what is known
// of the apps is given to it, and nothing is remembered.
package claim
