package kustomize

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
	plainFile  role = iota // a file
	resource               // a file of objects, or a folder with a kustomization
	plugin                 // as resource, or the configuration itself, inline
	component              // a folder with a kustomization
	mergePatch             // a file, or the patch itself, inline
)

// reference is one place in a kustomization that names something to load.
type reference struct {
	field string // as a person would point at it: resources[2]
	path  string
	role  role
}

// folder says whether the reference may lead to a folder.
func (r reference) folder() bool {
	return r.role == resource || r.role == plugin || r.role == component
}

// references lists everything that a kustomization names, before kustomize moves deprecated fields.
func references(k *types.Kustomization) []reference {
	var refs []reference
	add := func(r role, field, p string) {
		if p != "" {
			refs = append(refs, reference{field, p, r})
		}
	}
	each := func(r role, field string, paths []string) {
		for i, p := range paths {
			add(r, fmt.Sprintf("%s[%d]", field, i), p)
		}
	}
	each(resource, "resources", k.Resources)
	each(resource, "bases", k.Bases)
	each(component, "components", k.Components)
	each(plainFile, "crds", k.Crds)
	each(plainFile, "configurations", k.Configurations)
	each(plugin, "generators", k.Generators)
	each(plugin, "transformers", k.Transformers)
	each(plugin, "validators", k.Validators)
	add(plainFile, "openapi.path", k.OpenAPI["path"])
	for i, p := range k.Patches {
		add(plainFile, fmt.Sprintf("patches[%d].path", i), p.Path)
	}
	for i, p := range k.PatchesJson6902 {
		add(plainFile, fmt.Sprintf("patchesJson6902[%d].path", i), p.Path)
	}
	for i, p := range k.PatchesStrategicMerge {
		add(mergePatch, fmt.Sprintf("patchesStrategicMerge[%d]", i), string(p))
	}
	for i, r := range k.Replacements {
		add(plainFile, fmt.Sprintf("replacements[%d].path", i), r.Path)
	}
	for i, g := range k.ConfigMapGenerator {
		refs = append(refs, pairReferences(fmt.Sprintf("configMapGenerator[%d]", i), g.KvPairSources)...)
	}
	for i, g := range k.SecretGenerator {
		refs = append(refs, pairReferences(fmt.Sprintf("secretGenerator[%d]", i), g.KvPairSources)...)
	}
	return refs
}

// pairReferences lists the files that a generator's keys and values come from.
func pairReferences(field string, s types.KvPairSources) []reference {
	var refs []reference
	for i, f := range s.FileSources {
		if key, file, ok := strings.Cut(f, "="); ok && key != "" {
			f = file
		}
		refs = append(refs, reference{fmt.Sprintf("%s.files[%d]", field, i), f, plainFile})
	}
	for i, f := range s.EnvSources {
		refs = append(refs, reference{fmt.Sprintf("%s.envs[%d]", field, i), f, plainFile})
	}
	if s.EnvSource != "" {
		refs = append(refs, reference{field + ".env", s.EnvSource, plainFile})
	}
	return refs
}

// inline says whether a reference is not a path but the thing itself.
func (r reference) inline() bool {
	if r.role != plugin && r.role != mergePatch || !strings.ContainsAny(r.path, "\n{:") {
		return false
	}
	var object map[string]any
	return yaml.Unmarshal([]byte(r.path), &object) == nil && len(object) > 0 || strings.Contains(r.path, "\n---")
}

// target gives the repository path that a reference of a kustomization in dir leads to, and whether
// it stays in the repository.
func (r reference) target(dir string) (string, bool) {
	p := path.Join(dir, r.path)
	return p, !path.IsAbs(r.path) && p != ".." && !strings.HasPrefix(p, "../")
}
