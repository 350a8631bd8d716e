// Package simulation runs the program drover-simulate beside a hub, in several processes, and knows what its agents
// saw.
//
// It may import agent/simulate and testenv.
package simulation
