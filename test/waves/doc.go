// Package waves holds the rules of rollouts against what thousands of simulated agents saw, with the real hub over its
// own NATS. It has tests alone:
//
//	go test ./waves                                                  # some hundred agents
//	go test ./waves -run TestTheWorkedExample -v -args -agents 10000 # the fleet that rollouts are designed for
package waves
