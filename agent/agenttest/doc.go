// Package agenttest stands in for the hub in tests of the agent: it lets clusters join, signs and seals bundles, stores blobs on a
// real nats-server (TLS, operator mode), and reads what the agent reports. It also starts agents, wired as in cmd/drover-agent.
//
// Only tests may import it.
package agenttest
