// Package contents finds out what else would be lost if an object were deleted: the objects in a Namespace, those of
// the kind that a CustomResourceDefinition defines, and the objects of apps that the garbage collector would delete
// with their owner. Such an object is not deleted before a person approves it.
//
// A Check reads the cluster and asks the apps through ports of its own. It keeps no state, and may be used by several
// goroutines. An error means that it is not known what would be lost: then nothing is deleted.
//
// It may import agent, guard, protocol and internal.
package contents
