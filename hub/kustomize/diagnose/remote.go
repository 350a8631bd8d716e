package diagnose

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// IsHTTP says whether kustomize's file loader would GET the path (loader.IsRemoteFile).
func IsHTTP(p string) bool {
	u, err := url.Parse(p)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// IsGit says whether kustomize's folder loader would clone the path. It follows
// api/internal/git.NewRepoSpecFromURL of api v0.21.2 branch by branch; kustomize asks it before it
// looks for a local folder, so a local folder by such a name would not be found either.
func IsGit(p string) bool {
	if path.IsAbs(p) {
		return false
	}
	p, _, _ = strings.Cut(p, "?")
	rest, file, ok := afterHost(p)
	return ok && isRepository(rest, file)
}

var userPart = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9-]*)@`)

// afterHost gives what follows the host of a Git address, and whether it is a file:// address.
func afterHost(p string) (rest string, file, ok bool) {
	p, _ = cutPrefixFold(p, "git::")
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
	if scheme == "" && !scp {
		return "", false, false
	}
	if scheme == "file://" {
		return user + p, true, true
	}
	sep := strings.Index(p, "/")
	if colon := strings.Index(p, ":"); scp && (sep == -1 || colon > 0 && colon < sep) {
		sep = colon
	}
	host := p
	if sep >= 0 {
		host, rest = p[:sep+1], p[sep+1:]
	}
	return rest, false, github || host != ""
}

// isRepository says whether a repository can be recognized in what follows the host.
func isRepository(rest string, file bool) bool {
	repo, inner := rest, ""
	switch {
	case strings.Contains(rest, "_git/"):
		at := strings.Index(rest, "_git/") + len("_git/")
		name, after, _ := strings.Cut(rest[at:], "/")
		repo, inner = rest[:at]+name, after
	case strings.Contains(rest, "//"):
		repo, inner, _ = strings.Cut(rest, "//")
	case strings.Contains(rest, ".git"):
		at := strings.Index(rest, ".git") + len(".git")
		repo, inner = rest[:at], rest[at:]
	case !file:
		segments := strings.Split(rest, "/")
		if len(segments) < 2 {
			return false
		}
		repo, inner = strings.Join(segments[:2], "/"), strings.Join(segments[2:], "/")
	}
	first, _, _ := strings.Cut(path.Clean(strings.TrimPrefix(inner, "/")), "/")
	return repo != "" && first != ".."
}

// looksRemote says whether a person meant something remote, though kustomize would take it for a
// local path. It only chooses between hints.
func looksRemote(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return strings.Contains(p, "://") || strings.Contains(p, "?ref=") || userPart.MatchString(p) ||
		strings.HasPrefix(p, "git::") || strings.Contains(first, ".com") || strings.Contains(first, ":")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(prefix) <= len(s) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

var credentials = regexp.MustCompile(`(/|git::)[^/@\s]+:[^/@\s]+@`)

// WithoutCredentials hides a user and password in an address, which must not reach an error.
func WithoutCredentials(p string) string { return credentials.ReplaceAllString(p, "$1…@") }
