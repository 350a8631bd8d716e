// Package access is how a repository on another machine is reached: its address, what is logged in with, and what an
// error of reaching it means, without credentials.
//
// It may import hub/git/bounds, internal/outbound, go-git and golang.org/x/crypto/ssh.
package access
