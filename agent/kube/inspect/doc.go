// Package inspect reads the API server for questions that people ask: whole objects, lists, the output of containers,
// and what an apply would do. It changes nothing: its only write is a dry run.
//
// It may import agent, agent/kube, fleet and protocol.
package inspect
