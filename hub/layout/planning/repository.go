package planning

import (
	"errors"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// IsRemote says whether an address is not one of this machine.
func IsRemote(address string) bool {
	return strings.Contains(address, "://") && !strings.HasPrefix(address, "file://") || scpLike.MatchString(address)
}

// scpLike is git's short form of an ssh address: git@example.com:org/fleet.git.
var scpLike = regexp.MustCompile(`^([^@/:]+@)?([^/:]+):([^/].*)$`)

// SameRepository says whether two addresses are of one repository. How one gets there is not compared: the scheme, the
// user, the port, ".git" and a slash at the end.
func SameRepository(a, b string) bool { return a != "" && RepositoryID(a) == RepositoryID(b) }

// RepositoryID is the form of an address in which those of one repository are equal. A pattern of addresses keeps its
// signs.
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

// CheckAddress refuses what no source may be at. What else is wrong with an address, fetching says.
func CheckAddress(address string) error {
	scheme, rest, ok := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case address == "":
		return errors.New("it is empty: write the address")
	case ok && scheme != "ssh" && strings.Contains(host, "@"):
		return errors.New("it contains a user: give credentials by reference, `drover hub --help` says how " +
			"(--credentials-dir)")
	case ok && !slices.Contains([]string{"https", "http", "ssh", "oci"}, scheme), !ok && !scpLike.MatchString(address):
		return errors.New("it is not to be fetched over a network: write an address as https://…, ssh://… or oci://…")
	}
	return nil
}
