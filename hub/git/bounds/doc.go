// Package bounds holds what a Git server sends within bounds, and how long it may take: lists of refs, packs and what
// they unfold to, and connections on which nothing arrives. go-git sets none of these.
//
// It may import hub/git/object, internal/outbound and go-git.
package bounds
