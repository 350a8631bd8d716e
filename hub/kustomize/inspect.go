package kustomize

//lint:file-ignore SA1019 what kustomize deprecates it still builds, and so must be looked at

import (
	"fmt"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// inspect looks at a kustomization before kustomize does, with kustomize's own parser, and
// refuses what would lead outside the repository. It gives the content to serve.
func (m *mount) inspect(name string, data []byte) ([]byte, error) {
	k := diagnose.Kustomization{File: diagnose.File{Path: name, Data: data}}
	if k.Err = k.Unmarshal(data); k.Err == nil {
		k.Refs = diagnose.References(&k.Kustomization)
	}
	if original, ok := m.Content(name); ok {
		k.Data = original // whose lines a person can look up, also where the kustomization is served otherwise
	}
	if name == synthetic {
		m.Laid = &k
	} else {
		m.Serve(k)
	}
	if k.Err != nil {
		return data, nil // kustomize fails on it too, and diagnose says why
	}
	if len(k.OpenAPI) > 0 && !m.cold {
		m.ownSchema = true
		return nil, errOwnSchema
	}
	if name == synthetic {
		for _, r := range k.Refs {
			m.Declares[strings.TrimPrefix(r.Path, diagnose.Repository[1:]+"/")] = true
		}
		return data, nil
	}
	masked, e := m.charts.Replace(m.gate, &k)
	if e != nil {
		return nil, m.refuse(e)
	}
	if masked {
		k.Refs = diagnose.References(&k.Kustomization)
	}
	for _, r := range k.Refs {
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

// vet refuses a reference that leads outside the repository. It says whether the reference is a local
// file by a name that kustomize might take for a Git address.
func (m *mount) vet(k diagnose.Kustomization, r diagnose.Reference) (masked bool, _ *diagnose.BuildError) {
	target, within := r.Target(k.Dir())
	if r.Role != diagnose.Component && diagnose.IsHTTP(r.Path) || r.Folder() &&
		diagnose.IsGit(r.Path) { // also if it is inline to us: kustomize may disagree
		if r.Role != diagnose.Component && !diagnose.IsHTTP(r.Path) && within && m.isFile(target) {
			return true, nil
		}
		return false, m.refuseRef(k, r, "is remote, and a build reads nothing outside the repository", diagnose.VendorHint)
	}
	if r.Inline() {
		if r.Role == diagnose.Plugin {
			return false, vetPlugins(k.Path, diagnose.LineOf(k.Data, r.Field), r.Field+".", []byte(r.Path))
		}
		return false, nil
	}
	switch {
	case r.Field == "openapi.path" && within:
		return false, m.vetSchema(target)
	case path.IsAbs(r.Path):
		return false, m.refuseRef(k, r, "is an absolute path, and a build reads nothing outside the repository",
			diagnose.InHint)
	case !within:
		return false, m.refuseRef(k, r, "leads outside the repository", diagnose.InHint)
	case r.Role == diagnose.Resource:
		m.Declares[target] = true
	}
	return false, nil
}

func (m *mount) refuseRef(k diagnose.Kustomization, r diagnose.Reference, reason, hint string) *diagnose.BuildError {
	return &diagnose.BuildError{
		File: k.Path, Line: diagnose.LineOf(k.Data, r.Field),
		Reason: fmt.Sprintf("%s %q %s", r.Field, diagnose.WithoutCredentials(r.Path), reason), Hint: hint,
	}
}

func (m *mount) isFile(name string) bool {
	info, err := m.stat(name)
	return err == nil && !info.IsDir()
}

// unmask writes local files whose names read like Git addresses as ./name. Kustomize tries a file
// first and a clone second, also when the file is there but does not parse; with ./ there is
// no second.
func (m *mount) unmask(k diagnose.Kustomization) types.Kustomization {
	for _, list := range []*[]string{&k.Resources, &k.Bases, &k.Generators, &k.Transformers, &k.Validators} {
		for i, p := range *list {
			if diagnose.IsGit(p) && !diagnose.IsHTTP(p) {
				(*list)[i] = "./" + p
				m.Declares[path.Join(k.Dir(), p)] = true
			}
		}
	}
	return k.Kustomization
}
