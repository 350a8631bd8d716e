package project

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// scpLike is git's short form of an ssh address: git@example.com:org/fleet.git.
var scpLike = regexp.MustCompile(`^([^@/:]+@)?([^/:]+):([^/].*)$`)

// IsShortSSH says whether an address is git's short form of one over ssh.
func IsShortSSH(address string) bool { return scpLike.MatchString(address) }

// RepositoryID is the form of an address in which those of one repository are equal. How one gets there is left out: the
// scheme, the user, the port, ".git" and a slash at the end.
func RepositoryID(address string) string {
	address = strings.TrimSpace(address)
	host, where := "", address
	if u, err := url.Parse(address); err == nil && u.Scheme != "" && strings.Contains(address, "://") {
		host, where = u.Hostname(), u.Path
	} else if m := scpLike.FindStringSubmatch(address); m != nil {
		host, where = m[2], "/"+m[3]
	}
	where = strings.TrimSuffix(path.Clean("/"+where), ".git")
	return strings.ToLower(host) + where
}

// patternID is RepositoryID of a pattern, whose signs stay.
func patternID(pattern string) string {
	plain := strings.TrimPrefix(pattern, "!")
	if plain == "*" {
		return pattern
	}
	return pattern[:len(pattern)-len(plain)] + RepositoryID(strings.ReplaceAll(plain, "?", "%3F"))
}
