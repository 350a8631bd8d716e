// Package plan reads what an app should be: the lines of its blob, decrypted and substituted, become an index of
// objects in the order of applying, of hooks in the order of running, and of the fields that controllers write in
// other objects. A plan is immutable. It knows nothing of what is applied, and of the cluster only which kinds there
// are: what else depends on the cluster is an argument (Transform, Resolver).
//
// It may import agent, fleet, protocol, envsubst and internal; never the packages beside it.
package plan
