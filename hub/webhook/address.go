package webhook

import (
	"net/url"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/project"
)

// Of says whether the event is of the repository at an address. Scheme, user, port, ".git", the case of letters and the
// names under which servers are reached by ssh make no difference.
func (e Event) Of(address string) bool {
	if address == "" || !strings.Contains(address, ":") { // a folder of this machine
		return false
	}
	id := identity(address)
	return slices.ContainsFunc(e.Address, func(a string) bool { return identity(a) == id }) ||
		e.Path != "" && strings.HasSuffix(id, "/"+strings.ToLower(e.Path))
}

// ID is the same for all events of a repository that one server sends.
func (e Event) ID() string {
	if len(e.Address) == 0 {
		return string(e.Kind) + " " + strings.ToLower(e.Path)
	}
	return string(e.Kind) + " " + identity(e.Address[0])
}

// identity is project.RepositoryID, without what is another name of the same server.
func identity(address string) string {
	id := project.RepositoryID(address)
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	host, where, _ := strings.Cut(strings.ToLower(id), "/")
	for _, prefix := range []string{"ssh.", "altssh."} { // ssh.github.com, altssh.bitbucket.org, ssh.dev.azure.com
		host = strings.TrimPrefix(host, prefix)
	}
	return azure(host, where)
}

// azure gives the addresses of Azure DevOps one form: dev.azure.com/organization/project/_git/repository. Those of
// other servers are left as they are.
func azure(host, where string) string {
	parts := strings.Split(where, "/")
	organization, old := strings.CutSuffix(host, ".visualstudio.com")
	switch {
	case host == "vs-ssh.visualstudio.com", host == "dev.azure.com" && parts[0] == "v3":
		parts = parts[1:] // v3/organization/project/repository
		if len(parts) == 3 {
			parts = slices.Insert(parts, 2, "_git")
		}
	case old:
		if parts[0] == "defaultcollection" {
			parts = parts[1:]
		}
		parts = append([]string{organization}, parts...)
	case host != "dev.azure.com":
		return host + "/" + where
	}
	if len(parts) == 3 && parts[1] == "_git" { // the repository that has its project's name
		parts = []string{parts[0], parts[2], "_git", parts[2]}
	}
	return "dev.azure.com/" + strings.Join(parts, "/")
}
