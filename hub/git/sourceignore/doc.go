// Package sourceignore leaves out of a tree what Flux' source-controller would not pack of it: what .sourceignore files
// and a source's own rules name (fluxcd/pkg/sourceignore).
//
// It may import hub/model, and of go-git what reads the patterns.
package sourceignore
