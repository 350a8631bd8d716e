// Package folders finds the folders of clusters in a repository, by the patterns of --path, and derives the names of the
// clusters from them.
package folders
