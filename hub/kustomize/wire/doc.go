// Package wire is what the hub and a process that builds with kustomize say to each other, as gob streams: jobs, what a
// build asks of the tree, and how it ended.
//
// It may import hub/model and hub/kustomize/diagnose. Only hub/kustomize imports it.
package wire
