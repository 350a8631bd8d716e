// Package argo reads what was written for Argo CD: Applications become apps, with those that ApplicationSets give. The
// packages below it have a duty each: fields says of each field what becomes of it, source reads the sources of an
// Application, appset executes ApplicationSets, appproject reads AppProjects, and destination and repository say which
// cluster and which repository are meant.
//
// It may import document and planning beside it, hub, fleet and protocol, but no other dialect, nor what plans.
package argo
