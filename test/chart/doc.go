// Package chart holds the tests that the Helm chart and the kustomize base of the agent under deploy/ give the objects
// that `drover agent manifest` prints, and the tests of the hub's chart, kustomize base, systemd unit and compose file.
// They render with Helm's and kustomize's own code, and a real API server takes what the hub's chart renders.
package chart
