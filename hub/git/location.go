package git

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// location is where a repository is.
type location struct {
	path     string // on this machine; "" if it is remote
	scheme   string // of a remote: https, http or ssh
	url      string // of a remote, without credentials
	user     string // from the URL
	password string // from the URL; never shown
}

// parseLocation understands what may be given as a repository: a path, a URL, or host:path as scp has it.
func parseLocation(given string) (location, error) {
	switch {
	case given == "":
		return location{}, fmt.Errorf("no repository is given: name a path, or a URL such as https://host/fleet.git or git@host:fleet.git")
	case strings.Contains(given, "://"):
		return parseURL(given)
	}
	host, path, found := strings.Cut(given, ":")
	if _, err := os.Stat(given); err == nil || !found || strings.Contains(host, "/") {
		return location{path: given}, nil
	}
	user, host, found := strings.Cut(host, "@")
	if !found {
		user, host = "git", user
	}
	if host == "" || path == "" {
		return location{}, fmt.Errorf("repository %s: neither a path nor a URL: write git@host:path or ssh://git@host/path", given)
	}
	return location{scheme: "ssh", url: user + "@" + host + ":" + path, user: user}, nil
}

func parseURL(given string) (location, error) {
	u, err := url.Parse(given)
	if err != nil { // the error of url.Parse quotes the URL, credentials and all
		return location{}, fmt.Errorf("repository %s: not a URL: percent-encode what is special in it", withoutUser(given))
	}
	l := location{scheme: strings.ToLower(u.Scheme), user: u.User.Username()}
	l.password, _ = u.User.Password()
	switch l.scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return l, fmt.Errorf("repository %s: a file URL has no host: write file:///path", withoutUser(given))
		}
		return location{path: u.Path}, nil
	case "http", "https":
		u.User = nil
	case "ssh":
		if l.user == "" {
			l.user = "git"
		}
		u.User = url.User(l.user)
	default:
		return l, fmt.Errorf("repository %s: %s is not supported: use a path, file, https, http or ssh", withoutUser(given), u.Scheme)
	}
	if u.Host == "" {
		return l, fmt.Errorf("repository %s: it names no host: write it before the path", withoutUser(given))
	}
	l.url = u.String()
	return l, nil
}

// withoutUser cuts user and password out of something like a URL.
func withoutUser(given string) string {
	scheme, rest, _ := strings.Cut(given, "://")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + "://" + rest
}

// name is how errors call the repository.
func (l location) name() string {
	if l.path != "" {
		return l.path
	}
	return l.url
}
