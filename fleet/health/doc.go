// Package health judges objects by rules that are written in CEL: those that people bring with an app, and those of
// this package for the kinds of popular operators.
//
// The rules are in rules.yaml. rules.json, which is what an agent reads, is made of it by `make generate`: one rule a
// line, with its expressions taken apart as package fleet/expr documents it.
package health
