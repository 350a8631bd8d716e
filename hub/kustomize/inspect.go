package kustomize

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/kustomize/remote"
	"github.com/drover-dev/drover/hub/kustomize/vet"
	"github.com/drover-dev/drover/hub/model"
)

// inspect looks at a kustomization before kustomize does, with kustomize's own parser. It refuses what would lead
// outside the repository, and has addresses lead to where in the tree they were put. It gives the content to serve.
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
	missing := map[string]bool{}
	for _, r := range k.Refs {
		how, e := m.vet(k, r)
		if e != nil {
			return nil, m.refuse(e)
		}
		masked = masked || how != asWritten
		missing[r.Field] = how == notHere
	}
	if slices.Contains(slices.Collect(maps.Values(missing)), true) {
		return yaml.Marshal(outline(&k.Kustomization, missing))
	}
	if masked {
		return yaml.Marshal(m.unmask(k))
	}
	return data, nil
}

// served says how a reference is served.
type served int

const (
	asWritten  served = iota
	redirected        // otherwise than it is written
	notHere           // what is at its address is not in the tree yet
)

// outline is a kustomization that names its folders alone, but for those that are not here: what these need is to be
// found out at the same time. Nothing that is built of it is used.
func outline(k *types.Kustomization, missing map[string]bool) types.Kustomization {
	out := types.Kustomization{TypeMeta: k.TypeMeta}
	for _, r := range diagnose.References(k) {
		switch {
		case missing[r.Field]:
		case r.Role == diagnose.Resource:
			out.Resources = append(out.Resources, r.Path)
		case r.Role == diagnose.Component:
			out.Components = append(out.Components, r.Path)
		}
	}
	return out
}

// vet refuses a reference that leads outside the repository, and redirects one that leads to the network. A local file
// by a name that kustomize might take for a Git address is served by another.
func (m *mount) vet(k diagnose.Kustomization, r diagnose.Reference) (served, *diagnose.BuildError) {
	target, within := r.Target(k.Dir())
	if to, is := remote.Find(r.Path, useOf(r.Role)); is { // also if it is inline to us: kustomize may disagree
		if r.Role != diagnose.Component && !remote.HTTP(r.Path) && within && m.isFile(target) {
			return redirected, nil
		}
		return redirect(m, k, r, to)
	}
	if r.Inline() {
		if r.Role == diagnose.Plugin {
			return asWritten, vet.PluginText(k.Path, diagnose.LineOf(k.Data, r.Field), r.Field+".", []byte(r.Path))
		}
		return asWritten, nil
	}
	if e := confine(m, k, r, target, within); e != nil {
		return asWritten, e
	}
	switch {
	case r.Field == "openapi.path":
		return asWritten, m.vetSchema(target)
	case r.Role == diagnose.Resource:
		m.Declares[target] = true
	}
	if r.Folder() && (r.Role == diagnose.Plugin || m.plugins[k.Dir()]) {
		m.plugins[target] = true
	}
	return asWritten, nil
}

// confine refuses a path that leads out of the tree that a kustomization is in: out of the repository, or out of what
// was fetched, in which kustomize takes files from below the kustomization alone.
func confine(m *mount, k diagnose.Kustomization, r diagnose.Reference, target string, within bool) *diagnose.BuildError {
	fetched := model.RemoteOf(k.Path)
	switch {
	case path.IsAbs(r.Path):
		return m.refuseRef(k, r, "is an absolute path, and a build reads nothing outside the repository", diagnose.InHint)
	case !within:
		return m.refuseRef(k, r, "leads outside the repository", diagnose.InHint)
	case model.RemoteFor(k.Path, target): // where an address was led to
	case model.RemoteOf(target) != fetched:
		return m.refuseRef(k, r, "leads out of the repository that it is in", "have it published in one repository")
	case fetched != "" && vet.Climbs(r.Path) && (!r.Folder() || m.isFile(target)):
		return m.refuseRef(k, r, "leads out of the folder of its kustomization, which kustomize refuses in what is fetched",
			"have it published below that folder")
	case fetched != "" && r.Role == diagnose.Plugin && !m.isFile(target):
		return m.refuseRef(k, r, "is a folder, and what is fetched may configure plugins in files alone", diagnose.InHint)
	}
	return nil
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
	//lint:ignore SA1019 it is read as it is written
	for _, list := range []*[]string{&k.Resources, &k.Bases, &k.Generators, &k.Transformers, &k.Validators} {
		for i, p := range *list {
			if _, git := remote.Git(p); git && !remote.HTTP(p) {
				(*list)[i] = "./" + p
				m.Declares[path.Join(k.Dir(), p)] = true
			}
		}
	}
	return k.Kustomization
}

// vetSchema refuses a schema (openapi.path) that kustomize would not come to the end of.
func (m *mount) vetSchema(name string) *diagnose.BuildError {
	data, err := m.readFile(name)
	if err != nil {
		return nil // kustomize misses it as well
	}
	return vet.Schema(name, data)
}
