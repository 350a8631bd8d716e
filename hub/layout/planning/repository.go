package planning

import (
	"errors"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/project"
)

// IsRemote says whether an address is not one of this machine.
func IsRemote(address string) bool {
	return strings.Contains(address, "://") && !strings.HasPrefix(address, "file://") || project.IsShortSSH(address)
}

// SameRepository says whether two addresses are of one repository, see project.RepositoryID.
func SameRepository(a, b string) bool {
	return a != "" && project.RepositoryID(a) == project.RepositoryID(b)
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
	case ok && !slices.Contains([]string{"https", "http", "ssh", "oci"}, scheme), !ok && !project.IsShortSSH(address):
		return errors.New("it is not to be fetched over a network: write an address as https://…, ssh://… or oci://…")
	}
	return nil
}
