// Package remote says what the addresses in kustomizations mean: which Git repository, which ref and which folder in it,
// or which file.
//
// It imports fleet, hub/model and the standard library.
package remote
