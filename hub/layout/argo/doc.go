// Package argo reads what was written for Argo CD: Applications become apps, with those that ApplicationSets give.
// fields.go says of each field what becomes of it.
//
// It may import document and planning beside it, hub, fleet and protocol, JSON patches and version ranges, but no other
// dialect, nor what plans.
package argo
