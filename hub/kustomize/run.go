package kustomize

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// turn is held by the build that uses the library: its schema is global, and its maps are not safe to
// share (kubernetes-sigs/kustomize#3659, #4824).
var turn = make(chan struct{}, 1)

var errOwnSchema = errors.New("the build must start over, with a schema of its own")

// warmSchema parses the built-in schema unless that was done before.
func warmSchema() { openapi.Schema() }

// run builds the target and gives its objects. The schema stays parsed from build to build, except
// around a kustomization with `openapi:`. That one begins with no schema, as in a fresh process,
// because the built-in one would add to its own; and what it leaves behind is dropped.
func run(m *mount, target string) ([]model.Rendered, error) {
	warmSchema()
	built, err := krustyRun(m, target)
	if m.ownSchema {
		openapi.ResetOpenAPI()
		defer warmSchema()
		defer openapi.ResetOpenAPI()
		m.rewind()
		m.cold = true
		built, err = krustyRun(m, target)
	}
	if m.refusal != nil {
		return nil, m.refusal
	}
	if err != nil {
		return nil, err
	}
	return rendered(m, built)
}

// panicked is a panic inside kustomize.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("kustomize panicked: %v", p.value) }

func krustyRun(m *mount, target string) (built resmap.ResMap, err error) {
	defer func() {
		if v := recover(); v != nil {
			built, err = nil, panicked{v}
		}
	}()
	defer trapFatal()()
	return krusty.MakeKustomizer(&krusty.Options{
		Reorder:          krusty.ReorderOptionUnspecified, // what `kustomize build` passes without --reorder
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}).Run(m, target)
}

// rendered turns the objects into canonical JSON.
func rendered(m *mount, built resmap.ResMap) (objects []model.Rendered, err error) {
	defer func() {
		if v := recover(); v != nil {
			objects, err = nil, panicked{v}
		}
	}()
	if built.Size() > maxObjects {
		return nil, tooManyObjects(built.Size())
	}
	origins := newOrigins(m)
	objects = make([]model.Rendered, 0, built.Size())
	size := 0
	for _, r := range built.Resources() {
		from := origins.of(r.GetKind(), r.GetName())
		culprit, object := cmp.Or(from, m.outermost()), fmt.Sprintf("%s %q", r.GetKind(), r.GetName())
		if r.GetApiVersion() == "" {
			return nil, noAPIVersion(culprit, object)
		}
		data, err := r.MarshalJSON()
		if err != nil {
			return nil, unencodable(m, culprit, object, err)
		}
		if size += len(data); size > maxOutput {
			return nil, errTooLarge
		}
		objects = append(objects, model.Rendered{JSON: data, File: from})
	}
	return objects, nil
}
