// Package vet refuses what a build with kustomize must not be given: files that are too much (Budget), configurations of
// plugins that lead out of the repository (Plugins), and schemas that have no end (Schema). It reads no file itself.
//
// It may import hub/model, hub/kustomize/diagnose, hub/kustomize/remote and the libraries of sigs.k8s.io/kustomize.
package vet
