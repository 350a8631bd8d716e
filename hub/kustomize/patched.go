package kustomize

import (
	"bytes"
	"fmt"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// patched lays the patches of an overlay over manifests that were read from a plain folder. Their order is kept.
func patched(m *mount, objects []model.Rendered, o model.Overlay) (out []model.Rendered, err error) {
	defer func() {
		if v := recover(); v != nil {
			out, err = nil, diagnose.Panicked{Value: v}
		}
	}()
	if len(objects) == 0 {
		return nil, nil
	}
	const all = "objects.yaml"
	k := types.Kustomization{Resources: []string{all}}
	var stream bytes.Buffer
	for _, o := range objects {
		fmt.Fprintf(&stream, "---\n%s\n", o.JSON)
	}
	for _, p := range o.Patches {
		k.Patches = append(k.Patches, types.Patch{Patch: p.Patch, Target: selector(p.Target), Options: options(p)})
	}
	data, err := yaml.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("write the kustomization of a plain folder: %w", err)
	}
	files := filesys.MakeFsInMemory()
	for name, content := range map[string][]byte{"/kustomization.yaml": data, "/" + all: stream.Bytes()} {
		if err := files.WriteFile(name, content); err != nil {
			return nil, err
		}
	}
	warmSchema()
	built, err := krusty.MakeKustomizer(&krusty.Options{Reorder: krusty.ReorderOptionUnspecified,
		LoadRestrictions: types.LoadRestrictionsRootOnly, PluginConfig: types.DisabledPluginConfig()}).Run(files, "/")
	if err != nil {
		return nil, &diagnose.BuildError{File: m.Dir, Reason: "its patches cannot be laid over its manifests",
			Hint: "check that each patch is a strategic merge patch or a JSON patch for its object"}
	}
	if out, err = rendered(m, built); err != nil || len(out) != len(objects) {
		return out, err
	}
	for i := range out {
		out[i].File = objects[i].File
	}
	return out, nil
}
