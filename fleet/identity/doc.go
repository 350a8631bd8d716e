// Package identity says how apps are named. An app is the one that a declaration in Git makes, which is identified by its
// kind, namespace and name. From that alone follow its key, by which programs know it, and the name that people are
// shown. Why there are two: docs/decisions/app-names.md.
//
// It may import protocol and the standard library.
package identity
