// Package nats is the agent's session with the hub, over NATS: bundles and blobs in, reports and events out.
//
// It holds two core subscriptions (the cluster's own bundle, and its inbox) and no JetStream consumer: what was
// missed is asked for with Direct Get after every connecting.
//
// It may import agent, protocol, internal, nats.go and nkeys; never agent/kube.
package nats
