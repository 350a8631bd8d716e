package argo

import (
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
)

// ownRepository says whether an address is that of this repository. Where nobody said by which address it is known, one is
// believed if what it is to have is there.
func ownRepository(p *planning.Plan, o *planning.Object, at, url, name string, notes *[]fleet.Note) bool {
	if p.IsRepository(url) {
		return true
	}
	if slices.ContainsFunc(p.Known, planning.IsRemote) {
		return false
	}
	if _, err := p.Tree.Stat(planning.Cleaned(name)); err != nil {
		return false
	}
	n := p.Note(o, at+".repoURL",
		fleet.WithoutUser(url)+" is taken to be this repository, because it has what is named there and no address of "+
			"its own: name it with --alias")
	if !slices.Contains(*notes, n) {
		*notes = append(*notes, n)
	}
	return true
}

var (
	commitID  = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	versioned = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)+([-+].*)?$`)
)

// isRange says whether a revision is a range of versions.
func isRange(revision string) bool {
	_, err := semver.NewConstraint(revision)
	return err == nil && strings.ContainsAny(revision, "*^~<>=|, xX")
}

// followed says whether a revision is the one that the hub follows.
func followed(p *planning.Plan, revision string) bool {
	branch := strings.TrimPrefix(revision, "refs/heads/")
	if branch == "" || branch == "HEAD" || branch == p.Branch {
		return true
	}
	return p.Branch == "" && gitRevision("", revision).Branch != ""
}

// gitRevision is a revision of a Git repository. What it is can be told by its form alone: a range of versions, a commit
// id, a whole ref, a version, which is a tag, and else a branch.
func gitRevision(url, revision string) *fleet.Source {
	out := &fleet.Source{Kind: fleet.SourceGit, URL: url}
	switch branch, isBranch := strings.CutPrefix(revision, "refs/heads/"); {
	case isBranch:
		out.Branch = branch
	case revision == "" || revision == "HEAD":
	case strings.HasPrefix(revision, "refs/"), versioned.MatchString(revision):
		out.Ref = revision
	case isRange(revision):
		out.SemVer = revision
	case commitID.MatchString(revision):
		out.Revision = revision
	default:
		out.Branch = revision
	}
	return out
}
