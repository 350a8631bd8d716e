package kustomize

//lint:file-ignore SA1019 what kustomize deprecates it still builds, and so must be looked at

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// kustomization is one kustomization file that was served.
type kustomization struct {
	file
	types.Kustomization
	refs []reference
	err  error // why it does not parse
}

func (k kustomization) dir() string { return path.Dir(k.path) }

const (
	vendorHint = "run `kustomize localize` in that folder, or copy what it names into the repository and refer to it by relative path"
	inHint     = "copy it into the repository and refer to it by relative path"
	helmHint   = "deliver the chart with a HelmRelease, or with an App's helm section"
)

func isKustomization(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

// inspect looks at a kustomization before kustomize does, with kustomize's own parser, and
// refuses what would lead outside the repository. It gives the content to serve.
func (m *mount) inspect(name string, data []byte) ([]byte, error) {
	k := kustomization{file: file{name, data}}
	if k.err = k.Unmarshal(data); k.err == nil {
		k.refs = references(&k.Kustomization)
	}
	if original, ok := m.content(name); ok {
		k.data = original // whose lines a person can look up, also where the kustomization is served otherwise
	}
	if name != synthetic && !slices.ContainsFunc(m.kusts, func(other kustomization) bool { return other.path == name }) {
		m.kusts = append(m.kusts, k)
	}
	if k.err != nil {
		return data, nil // kustomize fails on it too, and diagnose says why
	}
	if len(k.OpenAPI) > 0 && !m.cold {
		m.ownSchema = true
		return nil, errOwnSchema
	}
	if name == synthetic {
		for _, r := range k.refs {
			m.declares[strings.TrimPrefix(r.path, repository[1:]+"/")] = true
		}
		return data, nil
	}
	if e := k.vetHelm(); e != nil {
		return nil, m.refuse(e)
	}
	masked := false
	for _, r := range k.refs {
		local, e := m.vet(k, r)
		if e != nil {
			return nil, m.refuse(e)
		}
		masked = masked || local
	}
	if masked {
		return yaml.Marshal(m.unmask(k))
	}
	return data, nil
}

func (k kustomization) vetHelm() *BuildError {
	field := ""
	switch {
	case len(k.HelmCharts) > 0:
		field = "helmCharts"
	case len(k.HelmChartInflationGenerator) > 0:
		field = "helmChartInflationGenerator"
	default:
		return nil
	}
	return &BuildError{File: k.path, Line: lineOf(k.data, field), Reason: field + " would run the helm program, which a build does not do", Hint: helmHint}
}

// vet refuses a reference that leads outside the repository. It says whether the reference is a local
// file by a name that kustomize might take for a Git address.
func (m *mount) vet(k kustomization, r reference) (masked bool, _ *BuildError) {
	target, within := r.target(k.dir())
	if r.role != component && isHTTP(r.path) || r.folder() && isGit(r.path) { // also if it is inline to us: kustomize may disagree
		if r.role != component && !isHTTP(r.path) && within && m.isFile(target) {
			return true, nil
		}
		return false, m.refuseRef(k, r, "is remote, and a build reads nothing outside the repository", vendorHint)
	}
	if r.inline() {
		if r.role == plugin {
			return false, vetPlugins(k.path, lineOf(k.data, r.field), r.field+".", []byte(r.path))
		}
		return false, nil
	}
	switch {
	case r.field == "openapi.path" && within:
		return false, m.vetSchema(target)
	case path.IsAbs(r.path):
		return false, m.refuseRef(k, r, "is an absolute path, and a build reads nothing outside the repository", inHint)
	case !within:
		return false, m.refuseRef(k, r, "leads outside the repository", inHint)
	case r.role == resource:
		m.declares[target] = true
	}
	return false, nil
}

func (m *mount) refuseRef(k kustomization, r reference, reason, hint string) *BuildError {
	return &BuildError{
		File: k.path, Line: lineOf(k.data, r.field),
		Reason: fmt.Sprintf("%s %q %s", r.field, withoutCredentials(r.path), reason), Hint: hint,
	}
}

func (m *mount) isFile(name string) bool {
	info, err := m.stat(name)
	return err == nil && !info.IsDir()
}

// unmask writes local files whose names read like Git addresses as ./name. Kustomize tries a file
// first and a clone second, also when the file is there but does not parse; with ./ there is
// no second.
func (m *mount) unmask(k kustomization) types.Kustomization {
	for _, list := range []*[]string{&k.Resources, &k.Bases, &k.Generators, &k.Transformers, &k.Validators} {
		for i, p := range *list {
			if isGit(p) && !isHTTP(p) {
				(*list)[i] = "./" + p
				m.declares[path.Join(k.dir(), p)] = true
			}
		}
	}
	return k.Kustomization
}
