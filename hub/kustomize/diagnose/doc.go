// Package diagnose says what is wrong with a folder that kustomize does not build, in terms of the repository's files:
//
//	what the build read ─ Build ─ Explain ─ BuildError: file, line, reason, what to do
//
// It reads the kustomizations and manifests again: syntax, references, generators, objects. What these do not show it
// finds
// by having parts of the folder built, and passes kustomize's error on for the entry that fails. No decision depends
// on the
// text of an error, which changes from one version of kustomize to the next.
//
// It may import fleet and the libraries of sigs.k8s.io/kustomize that read YAML; never the builder.
package diagnose
