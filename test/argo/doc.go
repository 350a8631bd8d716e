// Package argo holds what the hub makes of Argo CD repositories against what the tools make of them that Argo CD calls, called as it calls
// them (argo-cd v3.6, util/kustomize, util/helm and reposerver/repository): `kustomize edit` and `kustomize build`, `helm template`, and
// Kubernetes' own decoder for plain manifests; object by object.
package argo
