// Package rancher reads what was written for Rancher Fleet: a GitRepo becomes one app for each bundle in its paths,
// as the fleet.yaml in that folder says. fields.go says of each field what becomes of it.
//
// It may import document and planning beside it, hub, fleet and protocol, but no other dialect, nor what plans.
package rancher
