package kustomize

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/drover-dev/drover/hub/kustomize/diagnose"
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
	if networkDenied.Swap(false) {
		m.denied = errNetwork
	}
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

// quick is the longest that a build may have taken for parts of it to be built again, to find what failed.
const quick = time.Second

// failure says why a build failed: what was refused or denied, or else what is wrong with the files.
func failure(m *mount, cause error, took time.Duration) error {
	var e *diagnose.BuildError
	switch {
	case errors.As(cause, &e):
		return e
	case errors.Is(cause, errClosed):
		return cause
	}
	again := func(dir string, changed map[string][]byte) error {
		if took > quick {
			return nil
		}
		return m.attempt(dir, changed)
	}
	return m.Explain(cause, m.denial(), again)
}

// attempt builds a folder with some files changed.
func (m *mount) attempt(dir string, changed map[string][]byte) error {
	target := dir
	if dir != path.Dir(synthetic) {
		target = absolute(dir)
	}
	_, err := run(m.again(changed), target)
	return err
}

func krustyRun(m *mount, target string) (built resmap.ResMap, err error) {
	defer func() {
		if v := recover(); v != nil {
			built, err = nil, diagnose.Panicked{Value: v}
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
			objects, err = nil, diagnose.Panicked{Value: v}
		}
	}()
	if built.Size() > maxObjects {
		return nil, tooManyObjects(m.Build)
	}
	origins := diagnose.NewOrigins(m.Build)
	objects = make([]model.Rendered, 0, built.Size())
	size := 0
	for _, r := range built.Resources() {
		from := origins.Of(r.GetKind(), r.GetName())
		from = cmp.Or(from, m.charts.Origin(r.GetKind(), r.GetName()))
		culprit, object := cmp.Or(from, m.Outermost()), fmt.Sprintf("%s %q", r.GetKind(), r.GetName())
		if r.GetApiVersion() == "" {
			return nil, diagnose.NoAPIVersion(culprit, object)
		}
		data, err := r.MarshalJSON()
		if err != nil {
			return nil, diagnose.Unencodable(m.Build, culprit, object, err)
		}
		if size += len(data); size > maxOutput {
			return nil, tooLarge(m.Build)
		}
		objects = append(objects, model.Rendered{JSON: data, File: from})
	}
	return objects, nil
}
