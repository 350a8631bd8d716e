// Package repository says which addresses are those of the repository that the hub follows, and what a revision of Argo
// CD names.
//
// It may import planning.
package repository

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// Own says whether an address is that of this repository. Where nobody said by which address it is known, one is
// believed if what it is to have is there, and no other address is to have what is there.
func Own(p *planning.Plan, o *planning.Object, at, url, name string, notes *[]fleet.Note) bool {
	if p.IsRepository(url) {
		return true
	}
	if slices.ContainsFunc(p.Known, planning.IsRemote) {
		return false
	}
	says, own := "is taken to be this repository, because it has what is named there and no address of its own: name it "+
		"with --alias", true
	if _, err := p.Tree.Stat(planning.Cleaned(name)); err != nil {
		return false
	}
	switch {
	case slices.ContainsFunc(p.Doubted, func(d string) bool { return planning.SameRepository(d, url) }):
		says, own = fmt.Sprintf("is taken for another repository: %d addresses (%s) name what is in this one, which has "+
			"no address of its own: name it with --alias", len(p.Doubted), strings.Join(masked(p.Doubted), ", ")), false
	case name != "" && planning.Cleaned(name) == ".":
		says, own = "is taken for another repository: the path . is in each, and this one has no address of its own: "+
			"name it with --alias", false
	}
	n := p.Note(o, at+".repoURL", model.WithoutUser(url)+" "+says)
	if !slices.Contains(*notes, n) {
		*notes = append(*notes, n)
	}
	return own
}

func masked(addresses []string) (out []string) {
	for _, a := range addresses {
		out = append(out, model.WithoutUser(a))
	}
	return out
}

// Claimed adds the addresses in the spec of an object that stand beside a path which is in this repository: of sources,
// of Git generators and of templates.
func Claimed(tree model.Tree, v any, to []string) []string {
	switch v := v.(type) {
	case map[string]any:
		if url, _ := v["repoURL"].(string); url != "" && planning.IsRemote(url) && !strings.Contains(url, "{{") &&
			planning.Empty(v["chart"]) && !slices.ContainsFunc(to, func(c string) bool {
			return planning.SameRepository(c,
				url)
		}) {
			if name := pathNamed(v); name != "" {
				if _, err := tree.Stat(planning.Cleaned(name)); err == nil {
					to = append(to, url)
				}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			to = Claimed(tree, v[key], to)
		}
	case []any:
		for _, item := range v {
			to = Claimed(tree, item, to)
		}
	}
	return to
}

// pathNamed is the part of a path beside an address that is no template and no pattern; "" if there is none.
func pathNamed(beside map[string]any) string {
	name, _ := beside["path"].(string)
	for _, key := range []string{"directories", "files"} {
		if list, _ := beside[key].([]any); name == "" && len(list) > 0 {
			first, _ := list[0].(map[string]any)
			if name, _ = first["path"].(string); name != "" {
				name = glob.FixedPart(name)
			}
		}
	}
	if before, _, templated := strings.Cut(name, "{{"); templated {
		at := strings.LastIndex(before, "/")
		name = before[:max(at, 0)]
	}
	return name
}

var (
	commitID  = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	versioned = regexp.MustCompile(`^(v[0-9]+|[0-9]+\.[0-9]+)(\.[0-9]+)*([-+].*)?$`)
)

// IsRange says whether a revision is a range of versions.
func IsRange(revision string) bool {
	_, err := semver.NewConstraint(revision)
	return err == nil && strings.ContainsAny(revision, "*^~<>=|, xX")
}

// Followed says whether a revision is the one that the hub follows.
func Followed(p *planning.Plan, revision string) bool {
	branch := strings.TrimPrefix(revision, "refs/heads/")
	if branch == "" || branch == "HEAD" || branch == p.Branch {
		return true
	}
	return p.Branch == "" && BranchOf(revision) != ""
}

// Revision is a revision of a Git repository. What it is can be told by its form alone: a range of versions, a commit
// id, a whole ref, and else a name, which may be that of a tag or of a branch.
func Revision(url, revision string) *model.Source {
	out := &model.Source{Kind: model.SourceGit, URL: url}
	switch branch, isBranch := strings.CutPrefix(revision, "refs/heads/"); {
	case isBranch:
		out.Branch = branch
	case revision == "" || revision == "HEAD":
	case versioned.MatchString(revision): // before a range, for which v1.0-next would be taken
		out.Ref = revision
	case IsRange(revision):
		out.SemVer = revision
	case commitID.MatchString(revision):
		out.Revision = revision
	default:
		out.Ref = revision
	}
	return out
}

// BranchOf is the branch that a revision of this repository probably names, by its form; "" if it names something else.
func BranchOf(revision string) string {
	source := Revision("", revision)
	if named := source.Ref; named != "" && !strings.HasPrefix(named, "refs/") && !versioned.MatchString(named) {
		return named
	}
	return source.Branch
}
