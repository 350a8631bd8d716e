// Package access decides who may do what: roles with verbs for resources, bindings of roles to groups, users and
// tokens, within clusters and projects. What no binding gives is denied.
//
// The model is that of Kubernetes (https://kubernetes.io/docs/reference/access-authn-authz/rbac/): rights are only ever
// added, so no binding takes a right away. Like query it is pure; it imports fleet/selector and the standard library.
package access
