// Package place keeps an agent from acting in a cluster that its credential does not belong to.
//
// A credential that came into another cluster with a copy of etcd or a restored backup would have two agents apply the
// same, and speak for one cluster. So it is noted in the credential to which cluster it belongs, by the uid of the
// namespace kube-system. An agent that finds itself in another one touches nothing and says so, until the hub, or a new
// join token, decides that this is the cluster.
//
// It may import agent, credential, mailbox, report, protocol and internal.
package place
