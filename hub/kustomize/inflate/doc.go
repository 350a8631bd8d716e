// Package inflate finds the Helm charts that kustomizations name, with their values merged as kustomize merges them, and
// replaces them by resources that were rendered from them elsewhere.
//
// It may import fleet, hub/model, hub/kustomize/diagnose and the libraries of sigs.k8s.io/kustomize.
package inflate
