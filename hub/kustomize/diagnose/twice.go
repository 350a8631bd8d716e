package diagnose

import (
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// declaredTwice names the files that declare one object twice, if an entry of a kustomization leads to one of them;
// nil if not.
func (b *Build) declaredTwice(k Kustomization, s step) *BuildError {
	var target string
	for _, r := range k.Refs {
		if r.Field == s.String() {
			target = k.leads(r)
		}
	}
	first := map[identity]string{}
	for _, f := range b.files {
		if !b.Declares[f.Path] || IsKustomization(f.Path) {
			continue
		}
		for _, id := range identities(f) {
			before, again := first[id]
			if again && (within(f.Path, target) || within(before, target)) {
				return &BuildError{File: f.Path, Reason: id.String() + " is declared a second time, first in " + before,
					Hint: "remove one, or give the two different names or namespaces"}
			}
			first[id] = f.Path
		}
	}
	for _, f := range b.files {
		if ids := identities(f); b.Declares[f.Path] && within(f.Path, target) && len(ids) > 0 && b.comesTwice(f.Path) {
			return &BuildError{File: f.Path, Reason: ids[0].String() + " comes into the build twice",
				Hint: "do two entries of the kustomizations include the same file or folder? Keep one, or set it apart with " +
					"namePrefix or namespace"}
		}
	}
	return nil
}

// comesTwice says whether two entries of kustomizations lead to a file, directly or by its folder.
func (b *Build) comesTwice(name string) bool {
	n := 0
	for _, k := range b.kusts {
		for _, r := range k.Refs {
			if to := k.leads(r); r.Role == Resource && (to == name || to == path.Dir(name)) {
				n++
			}
		}
	}
	return n > 1
}

// identities lists the objects that a file declares.
func identities(f File) []identity {
	var all []identity
	add := func(h objectHead) {
		if h.Kind != "" && h.Metadata.Name != "" {
			all = append(all, identity{h.Kind, h.Metadata.Name, h.Metadata.Namespace})
		}
	}
	for _, doc := range Documents(f.Data) {
		var h objectHead
		if yaml.Unmarshal([]byte(doc.Text), &h) != nil {
			continue
		}
		add(h)
		for _, item := range h.Items {
			add(item)
		}
	}
	return all
}

// sameNames says whether two declared objects differ in their namespace alone.
func (b *Build) sameNames() bool {
	seen := map[identity]bool{}
	for _, f := range b.files {
		if !b.Declares[f.Path] || IsKustomization(f.Path) {
			continue
		}
		for _, id := range identities(f) {
			id.namespace = ""
			if seen[id] {
				return true
			}
			seen[id] = true
		}
	}
	return false
}

// runsProgram says whether an entry configures a plugin that is no builtin of kustomize.
func (b *Build) runsProgram(k Kustomization, entry string) bool {
	r := Reference{Path: entry, Role: Plugin}
	texts := []File{{"", []byte(entry)}}
	if !r.Inline() {
		target, _ := r.Target(k.Dir())
		texts = nil
		for _, f := range b.files {
			if within(f.Path, target) && !IsKustomization(f.Path) {
				texts = append(texts, f)
			}
		}
	}
	for _, f := range texts {
		for _, doc := range Documents(f.Data) {
			var h objectHead
			if yaml.Unmarshal([]byte(doc.Text), &h) == nil && h.Kind != "" && h.APIVersion != "builtin" {
				return true
			}
		}
	}
	return false
}

// leads gives the repository path that a reference leads to.
func (k Kustomization) leads(r Reference) string {
	target, _ := r.Target(k.Dir())
	return strings.TrimPrefix(target, Repository+"/")
}
