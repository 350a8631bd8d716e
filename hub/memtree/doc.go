// Package memtree keeps trees of files in memory: unpacked from an archive, or composed of files.
//
// It may import hub/model.
package memtree
