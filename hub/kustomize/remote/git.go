package remote

import (
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Repository is a folder of a Git repository, as a kustomization names it.
type Repository struct {
	URL        string // what would be cloned
	Ref        string // a branch, a tag, a whole ref or a commit id; "" for the HEAD of the repository
	Folder     string // "" for its root
	Submodules bool   // they are wanted, as they are unless something else is said
}

// Git reads an address as kustomize does before it looks for a local folder (api/internal/git.NewRepoSpecFromURL of api
// v0.21.2, branch by branch). ok is false if kustomize would take it for a path.
func Git(address string) (r Repository, ok bool) {
	if path.IsAbs(address) {
		return r, false
	}
	rest, query, _ := strings.Cut(address, "?")
	r.Ref, r.Submodules = parseQuery(query)
	host, rest, file, ok := splitHost(rest)
	if !ok {
		return r, false
	}
	repo, folder, ok := splitPath(rest, file)
	if !ok || repo == "" {
		return r, false
	}
	if first, _, _ := strings.Cut(path.Clean(strings.TrimPrefix(folder, "/")), "/"); first == ".." {
		return r, false
	}
	r.URL, r.Folder = host+repo, strings.TrimPrefix(folder, "/")
	return r, true
}

// parseQuery reads ?ref= (or ?version=) and ?submodules=. What ?timeout= says bounds a clone of kustomize's; the hub has
// bounds of its own.
func parseQuery(query string) (ref string, submodules bool) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", true
	}
	if ref = values.Get("ref"); ref == "" {
		ref = values.Get("version")
	}
	submodules, err = strconv.ParseBool(values.Get("submodules"))
	return ref, submodules || err != nil
}

var userPart = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9-]*)@`)

// splitHost gives everything up to the path of a repository, and the rest. file says that it is a file:// address.
func splitHost(address string) (host, rest string, file, ok bool) {
	p, _ := cutPrefixFold(address, "git::")
	scheme := ""
	for _, s := range []string{"ssh://", "https://", "http://", "file://"} {
		if after, found := cutPrefixFold(p, s); found {
			scheme, p = s, after
			break
		}
	}
	user := userPart.FindString(p)
	p = p[len(user):]
	lower := strings.ToLower(p)
	github := strings.HasPrefix(lower, "github.com/") || strings.HasPrefix(lower, "github.com:")
	scp := scheme == "" && (user != "" || github)
	switch {
	case scheme == "" && !scp:
		return "", "", false, false
	case scheme == "file://":
		return scheme, user + p, true, true
	}
	sep := strings.Index(p, "/")
	if colon := strings.Index(p, ":"); scp && (sep == -1 || colon > 0 && colon < sep) {
		sep = colon
	}
	host = p
	if sep >= 0 {
		host, rest = p[:sep+1], p[sep+1:]
	}
	if github {
		if scheme == "ssh://" || user != "" {
			return user + "github.com:", rest, false, true
		}
		return "https://github.com/", rest, false, true
	}
	return scheme + user + host, rest, false, host != ""
}

// splitPath parts the path of a repository from that of a folder in it.
func splitPath(p string, file bool) (repo, folder string, ok bool) {
	if at := strings.Index(p, "_git/"); at >= 0 {
		at += len("_git/")
		name, folder, _ := strings.Cut(p[at:], "/")
		return p[:at] + name, folder, true
	}
	if repo, folder, found := strings.Cut(p, "//"); found {
		return repo, folder, true
	}
	if at := strings.Index(p, ".git"); at >= 0 {
		at += len(".git")
		return p[:at], p[at:], true
	}
	if file {
		return p, "", true
	}
	segments := strings.SplitN(p, "/", 3)
	if len(segments) < 2 {
		return "", "", false
	}
	return strings.Join(segments[:2], "/"), strings.Join(segments[2:], "/"), true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(prefix) <= len(s) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// HTTP says whether kustomize would GET the address (api/internal/loader.IsRemoteFile).
func HTTP(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}
