// Package flux holds what the hub makes of Flux repositories against what Flux' own code makes of them: the generator, the build and
// the substitution of kustomize-controller (github.com/fluxcd/pkg/kustomize), object by object.
package flux
