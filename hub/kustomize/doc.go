// Package kustomize renders a folder of a repository with the kustomize library, from Git objects alone:
//
//	model.Tree ─ mount ─ krusty ─ []model.Rendered            Renderer: in this process
//	model.Tree ─ Workers ═ Serve ─ Renderer ─ []model.Rendered  in a process that can be stopped
//
// The hub uses Workers, so that no build takes its time or memory without bounds; commands that a person waits for and
// can interrupt use the Renderer.
//
// A folder with a kustomization gives what `kustomize build` of the same library version gives. A
// plain folder is treated as Flux's kustomize-controller treats it: all its manifests, as if a
// kustomization named them. Nothing outside the tree is read: no network, no programs, no files
// of this machine. Failures are told in terms of the repository: file, line, reason, what to do.
//
// The library keeps global state, so the whole process takes turns: one build at a time.
//
// What is wrong with a folder that does not build is found by hub/kustomize/diagnose, and what a build must not be given
// is refused by hub/kustomize/vet.
//
// It may import hub/model, the packages below it, internal/memory and the libraries of sigs.k8s.io/kustomize; never
// another package below hub.
package kustomize
