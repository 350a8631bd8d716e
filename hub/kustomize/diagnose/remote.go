package diagnose

import (
	"regexp"
	"strings"
)

var userPart = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9-]*)@`)

// looksRemote says whether a person meant something remote, though kustomize would take it for a
// local path. It only chooses between hints.
func looksRemote(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return strings.Contains(p, "://") || strings.Contains(p, "?ref=") || userPart.MatchString(p) ||
		strings.HasPrefix(p, "git::") || strings.Contains(first, ".com") || strings.Contains(first, ":")
}

var credentials = regexp.MustCompile(`(/|git::)[^/@\s]+:[^/@\s]+@`)

// WithoutCredentials hides a user and password in an address, which must not reach an error.
func WithoutCredentials(p string) string { return credentials.ReplaceAllString(p, "$1…@") }
