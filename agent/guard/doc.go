// Package guard says which objects are not deleted like others: the agent's own parts, what holds other objects, and what
// holds data. It is pure.
//
// It may import agent, agent/plan and protocol.
package guard
