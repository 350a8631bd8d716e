package layout

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// scpLike is git's short form of an ssh address: git@example.com:org/fleet.git.
var scpLike = regexp.MustCompile(`^([^@/:]+@)?([^/:]+):([^/].*)$`)

// SameRepository says whether two addresses are of one repository. How one gets there is not compared: the scheme, the
// user, the port, ".git" and a slash at the end.
func SameRepository(a, b string) bool { return a != "" && repositoryID(a) == repositoryID(b) }

func repositoryID(address string) string {
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
