// Package system holds the scripts that run the real binaries as a person would: testdata/*.txtar, in the language of
// testscript (https://pkg.go.dev/github.com/rogpeppe/go-internal/testscript). `make test` builds the binaries and says
// where they are.
package system
