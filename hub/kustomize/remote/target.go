package remote

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// Use is what a kustomization wants at an address.
type Use int

// The uses.
const (
	File   Use = iota // a file
	Either            // a file, or a folder with a kustomization
	Folder            // a folder with a kustomization
)

// Target is what an address leads to. If both are set, kustomize tells by what the server answers: File counts if there
// is a manifest.
type Target struct {
	File *model.Source
	Git  *model.Source
	// Folder is of Git.
	Folder string
	// UnpinnedFile and UnpinnedGit say why the same address may give something else tomorrow; "" if it names a commit, a
	// tag, a branch or a version.
	UnpinnedFile, UnpinnedGit string
}

// Find says what an address means to kustomize where it is used so. ok is false if it is a local path to it.
func Find(address string, use Use) (t Target, ok bool) {
	repo, isRepository := Git(address)
	web := HTTP(address)
	switch use {
	case File:
		isRepository = false
	case Folder:
		web = false
	default:
		web, isRepository = tell(address, web, isRepository)
	}
	if web {
		t.File = fileAt(address)
		t.UnpinnedFile = unpinnedFile(address)
	}
	if web && isRepository {
		t.File.Optional = true
	}
	if isRepository {
		t.Git, t.Folder = repo.source(), path.Join(".", repo.Folder)
		if t.Git.Ref == "" && t.Git.Revision == "" {
			t.UnpinnedGit = "the address names no ref, so that whatever is newest in the default branch is delivered: " +
				"add ?ref= with a commit id or a tag"
		}
	}
	return t, web || isRepository
}

// manifests are the ends of names of files with manifests.
var manifests = []string{".yaml", ".yml", ".json"}

// downloads are folders of a repository at GitHub that it serves files from.
var downloads = []string{"raw", "releases", "archive", "blob", "gist"}

// tell says what an address of a resource may be. Kustomize asks the server for a file first and clones where that gives
// no manifest; here nothing is asked that the address says itself: a folder in a repository where it says so with //,
// .git or _git, and no file of manifests by its name; everything at github.com but files that it serves; and a file
// where the name says so.
func tell(address string, web, repository bool) (file, folder bool) {
	if !web || !repository {
		return web, repository
	}
	p, _, _ := strings.Cut(address, "?")
	_, rest, _ := strings.Cut(p, "://")
	marked := strings.Contains(rest, "//") || strings.Contains(rest, ".git/") || strings.HasSuffix(rest, ".git") || strings.Contains(rest, "_git/")
	switch {
	case slices.Contains(manifests, strings.ToLower(path.Ext(rest))):
		return true, marked
	case marked:
		return false, true
	}
	if steps := strings.Split(strings.ToLower(rest), "/"); steps[0] == "github.com" && (len(steps) < 4 || !slices.Contains(downloads, steps[3])) {
		return false, true
	}
	return true, true
}

var commitID = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// source follows the ref of a repository: `git fetch` finds it by the same names (gitrevisions(7)).
func (r Repository) source() *model.Source {
	s := &model.Source{Kind: model.SourceGit, URL: withoutName(r.URL)}
	switch {
	case commitID.MatchString(r.Ref):
		s.Revision = strings.ToLower(r.Ref)
	case r.Ref != "HEAD":
		s.Ref = r.Ref
	}
	return s
}

// withoutName takes the name of a user, which is no secret and is not needed, out of a web address. A password stays,
// so that the address is refused.
func withoutName(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if found && scheme != "ssh" && scheme != "file" {
		return scheme + "://" + strings.TrimPrefix(rest, userPart.FindString(rest))
	}
	return address
}

// fileAt is a file on the web. One in whose path there is a commit id never changes.
func fileAt(address string) *model.Source {
	s := &model.Source{Kind: model.SourceFile, URL: address}
	if i := slices.IndexFunc(steps(address), commitID.MatchString); i >= 0 {
		s.Revision = strings.ToLower(steps(address)[i])
	}
	return s
}

func steps(address string) []string {
	p, query, _ := strings.Cut(address, "?")
	values, _ := url.ParseQuery(query)
	return append(strings.Split(p, "/"), values.Get("ref"))
}

// version matches a step of a path that names one, such as v1.2.3 or release-1.30.
var version = regexp.MustCompile(`\d+\.\d+`)

func unpinnedFile(address string) string {
	all := steps(address)
	if len(all) > 3 && slices.ContainsFunc(all[3:], func(s string) bool { return commitID.MatchString(s) || version.MatchString(s) }) {
		return ""
	}
	return "the address names no version, so that whatever the server has is delivered: " +
		"name the file by a commit id or a tag, or commit it to the repository"
}
