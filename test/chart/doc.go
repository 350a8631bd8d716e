// Package chart holds the tests that the Helm chart and the kustomize base under deploy/ give the objects that
// `drover agent manifest` prints. They render with Helm's and kustomize's own code.
package chart
