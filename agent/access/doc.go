// Package access says with which rights the objects of an app are reached, and explains a request that was forbidden
// because these rights did not suffice. What is done for an app is done with the app's rights.
//
// It may import agent, protocol and internal.
package access
