package kustomize

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/remote"
	"github.com/drover-dev/drover/hub/kustomize/vet"
	"github.com/drover-dev/drover/hub/model"
)

// What a build may name by addresses.
const (
	maxRemotes     = 1000 // of different ones
	maxRemoteDepth = 10   // of what is fetched that names what is to be fetched
)

// useOf is what is wanted at an address in the place of a reference.
func useOf(r diagnose.Role) remote.Use {
	switch r {
	case diagnose.Component:
		return remote.Folder
	case diagnose.Resource, diagnose.Plugin:
		return remote.Either
	}
	return remote.File
}

// fetched is what of a build comes from addresses. Only the tree has what was fetched: a build that needs more ends, and
// is tried again with it.
type fetched struct {
	needs []model.Needed
	names map[string]string // how people know what is in a folder of the tree
}

// redirect has a reference lead to where in the tree that was put which is at its address.
func redirect(m *mount, k diagnose.Kustomization, r diagnose.Reference, to remote.Target) (served, *diagnose.BuildError) {
	depth := model.RemoteDepth(k.Path)
	switch {
	case depth >= maxRemoteDepth:
		return asWritten, m.refuseRef(k, r, fmt.Sprintf("is remote, in what is fetched for what is fetched, %d deep", depth),
			"does one of the repositories lead back to itself?")
	case r.Role == diagnose.Plugin && to.Git != nil && to.File == nil, m.plugins[k.Dir()]:
		return asWritten, m.refuseRef(k, r, "is remote, and plugins are configured by the repository itself, or by single files",
			diagnose.VendorHint)
	}
	if to.File != nil {
		if at := place(m, k, to.File); m.isFile(path.Join(at, model.RemoteFile)) {
			return lead(m, k, r, path.Join(at, model.RemoteFile))
		}
	}
	if to.Git != nil {
		if at := place(m, k, to.Git); m.IsDir(absolute(at)) {
			target := path.Join(at, to.Folder)
			switch _, err := m.stat(target); {
			case err != nil:
				return asWritten, m.refuseRef(k, r, fmt.Sprintf("names the folder %s, which %s does not have", to.Folder, to.Git),
					"correct the folder, or the ref")
			case m.isFile(target):
				return asWritten, m.refuseRef(k, r, "names a file in a Git repository, where kustomize takes folders alone",
					"name its folder, or the address at which the server gives the file")
			}
			return lead(m, k, r, target)
		}
	}
	return notHere, need(m, k, r, to)
}

// place is where a source is put that a kustomization names.
func place(m *mount, k diagnose.Kustomization, s *model.Source) string {
	at := model.RemoteFolder(k.Path, *s)
	m.fetched.names[at] = s.Place("")
	return at
}

func lead(m *mount, k diagnose.Kustomization, r diagnose.Reference, target string) (served, *diagnose.BuildError) {
	rel, err := filepath.Rel(k.Dir(), target)
	if err != nil {
		return asWritten, m.refuseRef(k, r, err.Error(), "")
	}
	rel = filepath.ToSlash(rel)
	r.Redirect(rel)
	diagnose.Redirected(m.Build, k.Path, r.Field, rel)
	if r.Role == diagnose.Resource {
		m.Declares[target] = true
	}
	return redirected, nil
}

// need takes down what is to be fetched.
func need(m *mount, k diagnose.Kustomization, r diagnose.Reference, to remote.Target) *diagnose.BuildError {
	line := diagnose.LineOf(k.Data, r.Field)
	by := &diagnose.BuildError{File: named(m, k.Path), Line: line, Reason: fmt.Sprintf("%s %q", r.Field, diagnose.WithoutCredentials(r.Path))}
	needed := func(s *model.Source, unpinned string) *model.Needed {
		n := &model.Needed{Source: *s, At: place(m, k, s), By: by.Error(), Base: true}
		if unpinned != "" {
			n.Note = &fleet.Note{File: by.File, Line: line, Field: r.Field, Text: model.WithoutUser(r.Path) + ": " + unpinned}
		}
		return n
	}
	var n *model.Needed
	switch {
	case to.File == nil:
		n = needed(to.Git, to.UnpinnedGit)
	case to.Git == nil:
		n = needed(to.File, to.UnpinnedFile)
	default:
		n = needed(to.File, to.UnpinnedFile)
		n.Or = needed(to.Git, to.UnpinnedGit)
	}
	known := func(other model.Needed) bool { return other.At == n.At }
	if slices.ContainsFunc(m.fetched.needs, known) {
		return nil
	}
	if len(m.fetched.needs) >= maxRemotes {
		return m.refuseRef(k, r, fmt.Sprintf("is one of more than %d addresses that are to be fetched for one folder", maxRemotes), vet.SplitHint)
	}
	m.fetched.needs = append(m.fetched.needs, *n)
	return nil
}

// missing is why the build has to be tried again; nil if it has not.
func missing(m *mount) error {
	if len(m.fetched.needs) > 0 {
		return &model.NeededError{Sources: m.fetched.needs}
	}
	return m.charts.Missing()
}

// relation are the steps from a kustomization up to the root, in a path that a person is told of.
const relation = `(?:\.\./)*`

// named is a text for people, in which what was fetched goes by its address.
func named(m *mount, text string) string {
	for strings.Contains(text, ".git/drover/") {
		longest := ""
		for at := range m.fetched.names {
			if strings.Contains(text, at) && len(at) > len(longest) {
				longest = at
			}
		}
		if longest == "" {
			return text
		}
		name := m.fetched.names[longest]
		file := regexp.MustCompile(relation + regexp.QuoteMeta(longest+"/"+model.RemoteFile))
		text = file.ReplaceAllLiteralString(text, strings.TrimSuffix(name, "//"))
		folder := regexp.MustCompile(relation + regexp.QuoteMeta(longest) + "/?")
		text = folder.ReplaceAllLiteralString(text, name)
	}
	return text
}

// told is an outcome for people, in which what was fetched goes by its address.
func told(m *mount, o outcome) outcome {
	for i := range o.objects {
		o.objects[i].File = named(m, o.objects[i].File)
	}
	if e, ok := o.err.(*diagnose.BuildError); ok {
		o.err = &diagnose.BuildError{File: named(m, e.File), Line: e.Line, Reason: named(m, e.Reason), Hint: named(m, e.Hint)}
	}
	return o
}
