package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// amend merges an overlay into the kustomization in file, which is served in place of what the repository has.
func amend(m *mount, file string, o model.Overlay) error {
	data, err := m.readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &diagnose.BuildError{File: file, Reason: "vanished while it was read", Hint: "try again"}
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	var k types.Kustomization
	read := k.Unmarshal
	if o.Flux { // it drops the fields that it does not know, where kustomize refuses them
		read = func(data []byte) error { return yaml.Unmarshal(data, &k) }
	}
	if read(data) != nil {
		return nil // the build itself will say why
	}
	if o.Flux && len(k.Resources) == 0 {
		k.BuildMetadata = []string{types.OriginAnnotations}
	}
	if err := merge(m, &k, path.Dir(file), ".", o); err != nil {
		return err
	}
	if o.Edit != nil {
		if err := edit(&k, *o.Edit); err != nil {
			return &diagnose.BuildError{File: file, Reason: err.Error(), Hint: "see the kustomize options of the source"}
		}
	}
	out, err := yaml.Marshal(k)
	if err != nil {
		return fmt.Errorf("rewrite %s: %w", file, err)
	}
	m.amended = map[string][]byte{file: out}
	return nil
}

// merge puts an overlay's fields into the kustomization of dir. base is dir as that kustomization sees it.
//
// The rules are those of Flux (fluxcd/pkg/kustomize v1.44, Generator.GenerateManifest): namespace, prefix, suffix and
// build metadata replace what is there, patches and components come after it, and an image changes the entry of its
// name.
func merge(m *mount, k *types.Kustomization, dir, base string, o model.Overlay) error {
	if o.Namespace != "" {
		k.Namespace = o.Namespace
	}
	if o.NamePrefix != "" {
		k.NamePrefix = o.NamePrefix
	}
	if o.NameSuffix != "" {
		k.NameSuffix = o.NameSuffix
	}
	if len(o.BuildMetadata) > 0 {
		k.BuildMetadata = o.BuildMetadata
	}
	for _, p := range o.Patches {
		k.Patches = append(k.Patches, types.Patch{Path: p.Path, Patch: p.Patch, Target: selector(p.Target), Options: options(p)})
	}
	for _, i := range o.Images {
		mergeImage(k, i)
	}
	for _, c := range o.Components {
		target := path.Join(dir, c)
		if path.IsAbs(c) || strings.Contains(c, ":") || !fs.ValidPath(target) {
			return &diagnose.BuildError{File: dir, Reason: fmt.Sprintf("the component %q is no folder of this repository", c),
				Hint: "name it by a path relative to the folder that is rendered"}
		}
		if _, err := m.stat(target); errors.Is(err, fs.ErrNotExist) {
			if o.IgnoreMissing {
				continue
			}
			return &diagnose.BuildError{File: dir, Reason: fmt.Sprintf("the component %q does not exist", c),
				Hint: m.DidYouMean(target, "it is seen from the folder that is rendered")}
		}
		if name := path.Join(base, c); o.Edit == nil || !slices.Contains(k.Components, name) {
			k.Components = append(k.Components, name)
		}
	}
	return nil
}

// options are what a patch may change beyond its fields; nil for nothing.
func options(p model.Patch) *types.PatchArgs {
	if len(p.Options) == 0 {
		return nil
	}
	return &types.PatchArgs{AllowNameChange: p.Options["allowNameChange"], AllowKindChange: p.Options["allowKindChange"]}
}

func mergeImage(k *types.Kustomization, i model.Image) {
	at := slices.IndexFunc(k.Images, func(have types.Image) bool { return have.Name == i.Name })
	if at < 0 {
		k.Images = append(k.Images, types.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
		return
	}
	if i.NewName != "" {
		k.Images[at].NewName = i.NewName
	}
	if i.NewTag != "" || i.Digest != "" { // tag and digest choose the version together
		k.Images[at].NewTag, k.Images[at].Digest = i.NewTag, i.Digest
	}
}

func selector(t *model.Target) *types.Selector {
	if t == nil {
		return nil
	}
	s := &types.Selector{LabelSelector: t.LabelSelector, AnnotationSelector: t.AnnotationSelector}
	s.Group, s.Version, s.Kind, s.Name, s.Namespace = t.Group, t.Version, t.Kind, t.Name, t.Namespace
	return s
}
