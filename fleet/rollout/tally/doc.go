// Package tally counts clusters for package rollout: how many of a wave are in flight, have settled, failed, or wait
// for a place. Every count is a sum over the shares of clusters, so that one cluster is taken off and added again
// without a look at any other. It knows no rule of rollouts.
//
// It may import the standard library.
package tally
