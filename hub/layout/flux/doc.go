// Package flux reads what was written for Flux: Kustomizations and HelmReleases become apps, from the sources that they
// name. fields.go says of each field what becomes of it.
//
// It may import document, planning and cel beside it, hub, fleet and protocol, but no other dialect, nor what plans.
package flux
