// Package source reads the sources of Argo CD's Applications: folders, kustomizations and charts, of this repository
// and of others, become the parts of an app.
//
// It may import fields and repository beside it, and document and planning.
package source
