// Package plan reads what an app should be: the lines of its blob, decrypted and substituted, become an index of
// objects in the order of applying, of hooks in the order of running, and of what their controllers write into other
// objects. It asks nothing of the cluster but where kinds are served, and it knows nothing of what is applied.
//
// It may import agent, fleet, protocol and internal; never the packages beside it.
package plan
