package diagnose

//lint:file-ignore SA1019 what kustomize deprecates it still builds, and so must be looked at

import (
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// role is how kustomize goes about loading a reference.
type role int

const (
	PlainFile  role = iota // a file
	Resource               // a file of objects, or a folder with a kustomization
	Plugin                 // as resource, or the configuration itself, inline
	Component              // a folder with a kustomization
	MergePatch             // a file, or the patch itself, inline
)

// Reference is one place in a kustomization that names something to load.
type Reference struct {
	Field string // as a person would point at it: resources[2]
	Path  string
	Role  role
}

// Folder says whether the reference may lead to a folder.
func (r Reference) Folder() bool {
	return r.Role == Resource || r.Role == Plugin || r.Role == Component
}

// References lists everything that a kustomization names, before kustomize moves deprecated fields.
func References(k *types.Kustomization) []Reference {
	var refs []Reference
	add := func(r role, field, p string) {
		if p != "" {
			refs = append(refs, Reference{field, p, r})
		}
	}
	each := func(r role, field string, paths []string) {
		for i, p := range paths {
			add(r, fmt.Sprintf("%s[%d]", field, i), p)
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
	add(PlainFile, "openapi.path", k.OpenAPI["path"])
	for i, p := range k.Patches {
		add(PlainFile, fmt.Sprintf("patches[%d].path", i), p.Path)
	}
	for i, p := range k.PatchesJson6902 {
		add(PlainFile, fmt.Sprintf("patchesJson6902[%d].path", i), p.Path)
	}
	for i, p := range k.PatchesStrategicMerge {
		add(MergePatch, fmt.Sprintf("patchesStrategicMerge[%d]", i), string(p))
	}
	for i, r := range k.Replacements {
		add(PlainFile, fmt.Sprintf("replacements[%d].path", i), r.Path)
	}
	for i, g := range k.ConfigMapGenerator {
		refs = append(refs, PairReferences(fmt.Sprintf("configMapGenerator[%d]", i), g.KvPairSources)...)
	}
	for i, g := range k.SecretGenerator {
		refs = append(refs, PairReferences(fmt.Sprintf("secretGenerator[%d]", i), g.KvPairSources)...)
	}
	return refs
}

// PairReferences lists the files that a generator's keys and values come from.
func PairReferences(field string, s types.KvPairSources) []Reference {
	var refs []Reference
	for i, f := range s.FileSources {
		if key, file, ok := strings.Cut(f, "="); ok && key != "" {
			f = file
		}
		refs = append(refs, Reference{fmt.Sprintf("%s.files[%d]", field, i), f, PlainFile})
	}
	for i, f := range s.EnvSources {
		refs = append(refs, Reference{fmt.Sprintf("%s.envs[%d]", field, i), f, PlainFile})
	}
	if s.EnvSource != "" {
		refs = append(refs, Reference{field + ".env", s.EnvSource, PlainFile})
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
	p := path.Join(dir, r.Path)
	return p, !path.IsAbs(r.Path) && p != ".." && !strings.HasPrefix(p, "../")
}
