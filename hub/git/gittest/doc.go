// Package gittest makes real repositories and servers for tests of hub/git, by the git command and sshd. Only tests
// import it.
package gittest
