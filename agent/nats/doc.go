// Package nats is the agent's session with the hub, over NATS: joining and renewing, bundles and blobs in, reports and
// events out.
//
// It holds three core subscriptions (the cluster's own bundle, what the hub asks of it, and its inbox) and no JetStream
// consumer: what was missed is asked for with Direct Get after every connecting. Every connection is a new one, from what
// the agent's identity holds then, so that credentials, authorities and addresses change without a restart.
//
// Connections are always encrypted. They go through the proxy that HTTPS_PROXY and NO_PROXY name, if any.
//
// It may import agent, protocol, internal, nats.go, nkeys and golang.org/x/net/http/httpproxy; never agent/kube.
package nats
