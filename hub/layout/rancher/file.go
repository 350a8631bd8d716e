package rancher

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/protocol"
)

// options say how a bundle is delivered.
type options struct {
	DefaultNamespace, Namespace           string
	NamespaceLabels, NamespaceAnnotations map[string]string
	ServiceAccount                        string
	Kustomize                             *struct{ Dir string }
	Helm                                  *helmOptions
	YAML                                  *struct{ Overlays []string }
	Diff                                  *struct{ ComparePatches []comparePatch }
	KeepResources                         bool
	CorrectDrift                          *correctDrift
}

type correctDrift struct{ Enabled, Force bool }

type comparePatch struct {
	Kind, APIVersion, Namespace, Name string
	JSONPointers                      []string
	Operations                        []struct{ Op, Path string }
}

// customization changes the options for the clusters that it chooses.
type customization struct {
	target
	options
	DoNotDeploy bool
}

// dependency is a bundle, or those with some labels.
type dependency struct {
	Name     string
	Selector *labelSelector
}

// fileSpec is what a fleet.yaml says.
type fileSpec struct {
	options
	Name                          string
	Labels                        map[string]string
	Paused                        bool
	DependsOn                     []dependency
	Targets, TargetCustomizations []customization // Targets are taken for customizations, as in Fleet
	OverrideTargets               []target
}

// file is a fleet.yaml; its zero value is that of a folder that has none.
type file struct {
	path string
	fileSpec
	raw map[string]any
	doc document.Document
}

// readFile reads the fleet.yaml of a folder.
func readFile(tree fs.FS, dir string) (file, error) {
	var out file
	var data []byte
	for _, name := range []string{"fleet.yaml", "fleet.yml"} {
		out.path = path.Join(dir, name)
		var err error
		if data, err = fs.ReadFile(tree, out.path); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return out, fmt.Errorf("%s cannot be read: %w", out.path, err)
		}
		out.path = ""
	}
	if out.path == "" {
		return out, nil
	}
	docs, err := document.Parse(out.path, data)
	switch {
	case err != nil:
		return out, err
	case len(docs) == 0:
		return out, nil
	}
	out.doc = docs[0]
	converted, err := yaml.YAMLToJSON(data)
	if err != nil {
		return out, fmt.Errorf("%s: it cannot be read: %s", out.path, fleet.YAMLRule(err))
	}
	if err := planning.Unmarshal(converted, "", &out.raw); err != nil {
		return out, out.errorf("", "it is no mapping of fields: see the reference of fleet.yaml")
	}
	err = planning.Unmarshal(converted, "", &out.fileSpec)
	if err != nil { // what was read before the error says nothing without the rest
		out.fileSpec = fileSpec{Name: out.Name}
	}
	if shape, ok := errors.AsType[*planning.ShapeError](err); ok {
		return out, out.errorf(strings.TrimPrefix(shape.At, "."), "%s: see the reference of fleet.yaml", shape.Says())
	}
	if err != nil {
		return out, fmt.Errorf("%s: it cannot be read: %w", out.path, err)
	}
	return out, nil
}

// note places a text at a field of the file.
func (f file) note(at, text string) fleet.Note {
	n := fleet.Note{File: f.path, Object: "fleet.yaml", Field: at, Text: text}
	if f.doc.Node != nil {
		n.Line = document.LineAt(f.doc.Node, at)
	}
	return n
}

// repeated names fields that are there more than once, of which Fleet takes the last.
func (f file) repeated() (out []fleet.Note) {
	for _, n := range document.Repeated(f.doc.Node) {
		out = append(out, fleet.Note{File: f.path, Line: n.Line, Object: "fleet.yaml", Field: n.Value,
			Text: "the field is there more than once, and only the last counts, as in Fleet: keep one"})
	}
	return out
}

// errorf places a message at a field of the file.
func (f file) errorf(at, format string, args ...any) error {
	return errors.New(f.note(at, fmt.Sprintf(format, args...)).String())
}

// customizations are all in the order in which they are asked, with the field that each is at.
func (f file) customizations() (out []customization, at []string) {
	for i := range f.Targets {
		at = append(at, planning.FieldAt("targets", i))
	}
	for i := range f.TargetCustomizations {
		at = append(at, planning.FieldAt("targetCustomizations", i))
	}
	return slices.Concat(f.Targets, f.TargetCustomizations), at
}

// weigh names what the file asks for and Drover does not do: all that it says itself, and what the customization at
// which counts for the cluster says; "" if none does.
func (f file) weigh(custom string, notes *[]fleet.Note) error {
	var errs []error
	judge := func(root, key string, v any) {
		at := key
		if root != "" {
			at = root + "." + key
		}
		for _, a := range planning.Judge(judged, kindFleetYAML, key, v) {
			where := at + a.At[len(key):]
			if a.Support == refused {
				errs = append(errs, f.errorf(where, "%s", a.Says))
				continue
			}
			*notes = append(*notes, f.note(where, a.Says))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.raw)) {
		if key != "targets" && key != "targetCustomizations" {
			judge("", key, f.raw[key])
		}
	}
	for _, list := range []string{"targets", "targetCustomizations"} {
		items, _ := f.raw[list].([]any)
		for i, item := range items {
			fields, ok := item.(map[string]any)
			if at := planning.FieldAt(list, i); ok && at == custom {
				for _, key := range slices.Sorted(maps.Keys(fields)) {
					judge(at, key, fields[key])
				}
			}
		}
	}
	return errors.Join(errs...)
}

// merged lays the options of a customization over those of the file (Fleet v0.12, controller/options, Merge). Values
// are kept apart, see helmOptions.
func merged(base, custom options) options {
	out := base
	replace := func(to *string, with string) {
		if with != "" {
			*to = with
		}
	}
	replace(&out.DefaultNamespace, custom.DefaultNamespace)
	replace(&out.Namespace, custom.Namespace)
	replace(&out.ServiceAccount, custom.ServiceAccount)
	out.NamespaceLabels = overlaid(base.NamespaceLabels, custom.NamespaceLabels)
	out.NamespaceAnnotations = overlaid(base.NamespaceAnnotations, custom.NamespaceAnnotations)
	out.Helm = base.Helm.merged(custom.Helm)
	if custom.Kustomize != nil && custom.Kustomize.Dir != "" {
		out.Kustomize = custom.Kustomize
	}
	if custom.YAML != nil {
		out.YAML = &struct{ Overlays []string }{custom.YAML.Overlays}
		if base.YAML != nil {
			out.YAML.Overlays = slices.Concat(base.YAML.Overlays, custom.YAML.Overlays)
		}
	}
	if custom.Diff != nil {
		out.Diff = &struct{ ComparePatches []comparePatch }{custom.Diff.ComparePatches}
		if base.Diff != nil {
			out.Diff.ComparePatches = slices.Concat(base.Diff.ComparePatches, custom.Diff.ComparePatches)
		}
	}
	out.KeepResources = base.KeepResources || custom.KeepResources
	if custom.CorrectDrift != nil {
		out.CorrectDrift = custom.CorrectDrift
	}
	return out
}

func overlaid(base, custom map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		return custom
	}
	maps.Copy(out, custom)
	return out
}

// namespace is that of objects that name none.
func (o options) namespace() string {
	switch {
	case o.Namespace != "":
		return o.Namespace
	case o.DefaultNamespace != "":
		return o.DefaultNamespace
	}
	return "default"
}

// request is what the namespace gets when it is created; nil for the one that is always there.
func (o options) request() *protocol.NamespaceRequest {
	if o.namespace() == "default" {
		return nil
	}
	return &protocol.NamespaceRequest{Labels: o.NamespaceLabels, Annotations: o.NamespaceAnnotations}
}
