package diagnose

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
)

// brokenReference finds an entry of a kustomization that leads to nothing, or to the wrong thing.
func brokenReference(b *Build) *BuildError {
	for at, k := range b.kusts {
		if e := b.secondKustomization(k); e != nil {
			return e
		}
		for _, r := range k.Refs {
			if r.Inline() {
				continue
			}
			if reason, hint := b.trouble(at, r); reason != "" {
				return &BuildError{File: k.Path, Line: LineOf(k.Data, r.Field), Reason: fmt.Sprintf("%s %q %s", r.Field,
					WithoutCredentials(r.Path), reason), Hint: hint}
			}
		}
	}
	return b.plainComponent()
}

// plainComponent finds a component in a plain folder, whose folders are all listed under resources.
func (b *Build) plainComponent() *BuildError {
	for _, k := range b.kusts {
		listed := b.Laid != nil && slices.ContainsFunc(b.Laid.Refs, func(r Reference) bool {
			return r.Role == Resource && b.Laid.leads(r) == k.Dir()
		})
		if listed && k.Kind == types.ComponentKind {
			return &BuildError{File: k.Path, Reason: "a folder in it is a component, which only a kustomization can use",
				Hint: "list it under components of a kustomization, or move it elsewhere"}
		}
	}
	return nil
}

func (b *Build) secondKustomization(k Kustomization) *BuildError {
	names, err := KustomizationsIn(b.tree, k.Dir())
	if err != nil || len(names) < 2 {
		return nil
	}
	return TwoKustomizations(k.Dir(), names)
}

// KustomizationsIn lists the kustomization files of a folder, looking for each name that
// kustomize knows.
func KustomizationsIn(t Tree, dir string) ([]string, error) {
	var found []string
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		info, err := t.Stat(path.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("look at %s: %w", path.Join(dir, name), err)
		case !info.IsDir():
			found = append(found, name)
		}
	}
	return found, nil
}

// TwoKustomizations says that a folder has more than one kustomization.
func TwoKustomizations(dir string, names []string) *BuildError {
	return &BuildError{
		File: path.Join(dir, names[0]),
		Reason: fmt.Sprintf("the folder has a second kustomization, %s, and kustomize takes only one", path.Join(dir,
			names[1])),
		Hint: "keep one of them",
	}
}

// trouble says what is wrong with a reference of a kustomization, "" if nothing is.
func (b *Build) trouble(at int, r Reference) (reason, hint string) {
	k := b.kusts[at]
	target, within := r.Target(k.Dir())
	if !within {
		return "leads outside the repository", InHint
	}
	info, err := b.tree.Stat(target)
	switch {
	case err != nil && strings.Contains(r.Path, " - "):
		return "does not exist", "is the line below it indented further? YAML then reads the two as one"
	case err != nil && looksRemote(r.Path):
		return "does not exist", "if it is meant to be remote: a build reads nothing outside the repository; " + InHint
	case err != nil:
		return "does not exist", b.DidYouMean(target, "check the path; it is relative to the kustomization's folder")
	case info.IsDir() && !r.Folder():
		return "is a folder", "name a file in it"
	case info.IsDir():
		return b.folderTrouble(at, r, target)
	case r.Role == Component:
		return "is a file", "a component is a folder with a kustomization of kind Component"
	}
	return "", ""
}

func (b *Build) folderTrouble(at int, r Reference, target string) (reason, hint string) {
	names, err := KustomizationsIn(b.tree, target)
	if err != nil || len(names) == 0 {
		return "is a folder without a kustomization", "add a kustomization.yaml to it, or list its files"
	}
	isComponent := b.isComponent(path.Join(target, names[0]))
	switch {
	case ambiguous(r.Path):
		return "has .. inside a name", "is a line below it indented wrongly?"
	case b.leadsBack(at, target):
		return "leads back to a folder that is already being built: a cycle", "let one of the two folders not name the other"
	case r.Role == Component && !isComponent:
		return "is no component", "set kind: Component in its kustomization, or list it under resources"
	case r.Role == Resource && isComponent:
		return "is a component", "list it under components, not under " + strings.TrimRight(r.Field, "[0123456789]")
	}
	return "", ""
}

// ambiguous says whether a name in a path holds "..", as when YAML has joined two entries. Kustomize refuses such
// folders.
func ambiguous(p string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part != ".." && strings.Contains(part, "..") {
			return true
		}
	}
	return false
}

func (b *Build) isComponent(file string) bool {
	data, err := b.tree.ReadFile(file)
	var k types.Kustomization
	return err == nil && k.Unmarshal(data) == nil && k.Kind == types.ComponentKind
}

// leadsBack says whether a folder holds one that is being built when the kustomization names it: the kustomization's
// own, or
// one that leads to it. The latter were served before it.
func (b *Build) leadsBack(at int, target string) bool {
	building := map[string]bool{b.kusts[at].Dir(): true}
	if within(b.kusts[at].Dir(), target) {
		return true
	}
	for above := at - 1; above >= 0; above-- {
		k := b.kusts[above]
		leads := slices.ContainsFunc(k.Refs, func(r Reference) bool {
			to, ok := r.Target(k.Dir())
			return ok && r.Folder() && building[to]
		})
		if leads && within(k.Dir(), target) {
			return true
		}
		building[k.Dir()] = building[k.Dir()] || leads
	}
	return false
}

// within says whether folder dir is other or lies below it.
func within(dir, other string) bool {
	return dir == other || other == "." || strings.HasPrefix(dir, other+"/")
}
