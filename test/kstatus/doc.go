// Package kstatus holds fleet's rules against the libraries that define them: the health of an object against kstatus, and
// selectors against Kubernetes' own. It has tests only; nothing imports it.
package kstatus
