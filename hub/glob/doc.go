// Package glob translates patterns of paths and addresses into regular expressions, in the dialects of the tools that
// people know them from, and lists the files that a pattern may match.
package glob
