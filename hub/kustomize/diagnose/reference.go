package diagnose

//lint:file-ignore SA1019 what kustomize deprecates it still builds, and so must be looked at

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// Role is how kustomize goes about loading a reference.
type Role int

const (
	PlainFile  Role = iota // a file
	Resource               // a file of objects, or a folder with a kustomization
	Plugin                 // as resource, or the configuration itself, inline
	Component              // a folder with a kustomization
	MergePatch             // a file, or the patch itself, inline
)

// Reference is one place in a kustomization that names something to load.
type Reference struct {
	Field string // as a person would point at it: resources[2]
	Path  string
	Role  Role
	set   func(string) // has the kustomization name another path
	to    string       // the path that it names instead; "" if it is Path
}

// Redirect has the kustomization that the reference is of name another path.
func (r Reference) Redirect(p string) { r.set(p) }

// Redirected records that a reference of a kustomization that was served names another path than is written.
func Redirected(b *Build, file, field, to string) {
	for i := range b.kusts {
		for j := range b.kusts[i].Refs {
			if r := &b.kusts[i].Refs[j]; b.kusts[i].Path == file && r.Field == field {
				r.to = to
			}
		}
	}
}

// Folder says whether the reference may lead to a folder.
func (r Reference) Folder() bool {
	return r.Role == Resource || r.Role == Plugin || r.Role == Component
}

// References lists everything that a kustomization names, before kustomize moves deprecated fields.
func References(k *types.Kustomization) []Reference {
	var refs []Reference
	add := func(r Role, field string, at *string) {
		if *at != "" {
			refs = append(refs, Reference{Field: field, Path: *at, Role: r, set: func(p string) { *at = p }})
		}
	}
	each := func(r Role, field string, paths []string) {
		for i := range paths {
			add(r, fmt.Sprintf("%s[%d]", field, i), &paths[i])
		}
	}
	each(Resource, "resources", k.Resources)
	each(Resource, "bases", k.Bases)
	each(Component, "components", k.Components)
	each(PlainFile, "crds", k.Crds)
	each(PlainFile, "configurations", k.Configurations)
	each(Plugin, "generators", k.Generators)
	each(Plugin, "transformers", k.Transformers)
	each(Plugin, "validators", k.Validators)
	if p := k.OpenAPI["path"]; p != "" {
		refs = append(refs, Reference{Field: "openapi.path", Path: p, Role: PlainFile, set: func(p string) { k.OpenAPI["path"] = p }})
	}
	for i := range k.Patches {
		add(PlainFile, fmt.Sprintf("patches[%d].path", i), &k.Patches[i].Path)
	}
	for i := range k.PatchesJson6902 {
		add(PlainFile, fmt.Sprintf("patchesJson6902[%d].path", i), &k.PatchesJson6902[i].Path)
	}
	for i := range k.PatchesStrategicMerge {
		add(MergePatch, fmt.Sprintf("patchesStrategicMerge[%d]", i), (*string)(&k.PatchesStrategicMerge[i]))
	}
	for i := range k.Replacements {
		add(PlainFile, fmt.Sprintf("replacements[%d].path", i), &k.Replacements[i].Path)
	}
	for i := range k.ConfigMapGenerator {
		refs = append(refs, PairReferences(fmt.Sprintf("configMapGenerator[%d]", i), &k.ConfigMapGenerator[i].KvPairSources)...)
	}
	for i := range k.SecretGenerator {
		refs = append(refs, PairReferences(fmt.Sprintf("secretGenerator[%d]", i), &k.SecretGenerator[i].KvPairSources)...)
	}
	return refs
}

// PairReferences lists the files that a generator's keys and values come from.
func PairReferences(field string, s *types.KvPairSources) []Reference {
	var refs []Reference
	for i, f := range s.FileSources {
		key, file := path.Base(f), f
		if name, rest, ok := strings.Cut(f, "="); ok && name != "" {
			key, file = name, rest
		}
		refs = append(refs, Reference{Field: fmt.Sprintf("%s.files[%d]", field, i), Path: file, Role: PlainFile,
			set: func(p string) { s.FileSources[i] = key + "=" + p }})
	}
	for i, f := range s.EnvSources {
		refs = append(refs, Reference{Field: fmt.Sprintf("%s.envs[%d]", field, i), Path: f, Role: PlainFile,
			set: func(p string) { s.EnvSources[i] = p }})
	}
	if s.EnvSource != "" {
		refs = append(refs, Reference{Field: field + ".env", Path: s.EnvSource, Role: PlainFile, set: func(p string) { s.EnvSource = p }})
	}
	return refs
}

// Inline says whether a reference is not a path but the thing itself.
func (r Reference) Inline() bool {
	if r.Role != Plugin && r.Role != MergePatch || !strings.ContainsAny(r.Path, "\n{:") {
		return false
	}
	var object map[string]any
	return yaml.Unmarshal([]byte(r.Path), &object) == nil && len(object) > 0 || strings.Contains(r.Path, "\n---")
}

// Target gives the repository path that a reference of a kustomization in dir leads to, and whether
// it stays in the repository.
func (r Reference) Target(dir string) (string, bool) {
	to := cmp.Or(r.to, r.Path)
	p := path.Join(dir, to)
	return p, !path.IsAbs(to) && p != ".." && !strings.HasPrefix(p, "../")
}
