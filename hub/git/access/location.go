package access

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// Location is where a repository is.
type Location struct {
	Path     string // on this machine; "" if it is remote
	Scheme   string // of a remote: https, http or ssh
	URL      string // of a remote, without credentials
	User     string // from the URL
	Password string // from the URL; never shown
}

// Parse understands what may be given as a repository: a path, a URL, or host:path as scp has it.
func Parse(given string) (Location, error) {
	switch {
	case given == "":
		return Location{}, fmt.Errorf("no repository is given: name a path, or a URL such as https://host/fleet.git or git@host:fleet.git")
	case strings.Contains(given, "://"):
		return parseURL(given)
	}
	host, path, found := strings.Cut(given, ":")
	if _, err := os.Stat(given); err == nil || !found || strings.Contains(host, "/") {
		return Location{Path: given}, nil
	}
	user, host, found := strings.Cut(host, "@")
	if !found {
		user, host = "git", user
	}
	if host == "" || path == "" {
		return Location{}, fmt.Errorf("repository %s: neither a path nor a URL: write git@host:path or ssh://git@host/path", given)
	}
	return Location{Scheme: "ssh", URL: user + "@" + host + ":" + path, User: user}, nil
}

func parseURL(given string) (Location, error) {
	u, err := url.Parse(given)
	if err != nil { // the error of url.Parse quotes the URL, credentials and all
		return Location{}, fmt.Errorf("repository %s: not a URL: percent-encode what is special in it", withoutUser(given))
	}
	l := Location{Scheme: strings.ToLower(u.Scheme), User: u.User.Username()}
	l.Password, _ = u.User.Password()
	switch l.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return l, fmt.Errorf("repository %s: a file URL has no host: write file:///path", withoutUser(given))
		}
		return Location{Path: u.Path}, nil
	case "http", "https":
		u.User = nil
	case "ssh":
		if l.User == "" {
			l.User = "git"
		}
		u.User = url.User(l.User)
	default:
		return l, fmt.Errorf("repository %s: %s is not supported: use a path, file, https, http or ssh", withoutUser(given), u.Scheme)
	}
	if u.Host == "" {
		return l, fmt.Errorf("repository %s: it names no host: write it before the path", withoutUser(given))
	}
	l.URL = u.String()
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

// Name is how errors call the repository.
func (l Location) Name() string {
	if l.Path != "" {
		return l.Path
	}
	return l.URL
}
