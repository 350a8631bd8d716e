// Package agenttest stands in for the hub in tests of the agent: it lets clusters join, signs and seals
// bundles, stores blobs on a
// real nats-server (TLS, operator mode), and reads what the agent reports. It also starts agents, wired as in
// cmd/drover-agent.
//
// The hubs of a test binary share one nats-server, in which each has an account of its own; NewHubWithServer is for tests
// that stop, restart or reconfigure it. Each agent is a user of its own to the API server, by the name of its namespace.
//
// Only tests may import it.
package agenttest
