// Package orders says what accepted bundles ask: which bundle may be accepted after which, and what it asks of every app,
// beside what was asked before. It is pure.
//
// It may import agent, agent/plan, fleet and protocol.
package orders
