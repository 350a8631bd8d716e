// Package kube is the agent's side of the Kubernetes API: server-side apply, watches, deletes, the kinds that
// are served, the agent's state in the cluster, and who of several agents leads.
//
// It speaks plain HTTP over client-go's authenticated transport and decodes only what it needs: the typed API and
// client-go's discovery would make the binary three times as large, and caches would hold what nobody asks for.
//
// It may import agent, fleet, protocol, internal, client-go's rest and clientcmd, structured-merge-diff and zstd;
// never agent/nats.
package kube
