// Package detect recognises how a repository was written for Flux, Argo CD or Rancher Fleet, and says which folders of it
// are clusters' to Drover. It reads the repository alone.
package detect
