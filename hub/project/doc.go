// Package project has the boundaries of tenants: which sources, folders, credentials, namespaces, kinds and clusters
// the apps of a project may use, and under which service account they are applied. It is pure: what reads a Project,
// or an
// AppProject of Argo CD, and what asks it, is elsewhere.
package project
