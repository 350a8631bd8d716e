// Package appset makes the Applications of Argo CD's ApplicationSets: generators give sets of parameters, and the
// template is executed with each.
//
// It may import destination, fields and repository beside it, document and planning, and JSON patches.
package appset
