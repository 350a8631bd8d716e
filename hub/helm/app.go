package helm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
)

var _ model.Charts = (*Renderer)(nil)

// RenderChart implements model.Charts. The objects are those of `helm template`, with what lies in crds/, and without
// hooks that are for tests and rollbacks alone: the agent does the others.
func (r *Renderer) RenderChart(ctx context.Context, tree model.Tree, app model.App, on model.Capabilities,
	replace func(model.Rendered) (model.Rendered, error),
) ([]model.Rendered, []fleet.Note, error) {
	chart := Chart{Tree: tree, Path: app.Path, NoDefaults: app.Chart.NoDefaults}
	if !packedSource(app.Source) {
		needed, err := Missing(chart)
		if err != nil {
			return nil, nil, placed(err)
		}
		if len(needed) > 0 {
			return nil, nil, &model.NeededError{Sources: needed}
		}
	}
	opts := Options{Release: app.Chart.Release, Namespace: app.Namespace, KubeVersion: on.Kubernetes, APIVersions: on.APIs, IncludeCRDs: !app.Chart.SkipCRDs, SkipTests: true}
	if opts.Namespace == "" {
		opts.Namespace = "default"
	}
	for _, v := range app.Chart.Values {
		values, err := valuesOf(tree, app, v, replace)
		if err != nil {
			return nil, nil, err
		}
		opts.Values = append(opts.Values, values)
	}
	if treatment := app.Chart.ChartTreatment; len(treatment.PostRender) > 0 {
		opts.PostRender, opts.PostRenderHooks = r.postRender(treatment.PostRender), treatment.PostRenderHooks
	}
	if err := opts.amend(tree, *app.Chart); err != nil {
		return nil, nil, err
	}
	result, err := r.Render(ctx, chart, opts)
	if result.AsksAPIs && on.Asked != nil {
		on.Asked()
	}
	if err != nil {
		return nil, nil, placed(err)
	}
	notes := make([]fleet.Note, 0, len(result.Warnings))
	for _, w := range result.Warnings {
		notes = append(notes, fleet.Note{File: w.File, Line: w.Line, Object: "chart " + app.Path, Text: w.Text})
	}
	objects, err := treated(result.Objects, app.Chart.ChartTreatment)
	if err != nil {
		return nil, nil, err
	}
	objects, more, err := delivered(objects)
	return objects, append(notes, more...), err
}

// packedSource says whether a source has charts as they were packed, whose dependencies are their publisher's affair.
func packedSource(s *model.Source) bool {
	return s != nil && (s.Kind == model.SourceHelm || s.Kind == model.SourceOCI)
}

// sopsValue is how SOPS begins a value that it encrypted (https://github.com/getsops/sops, README, "Encryption
// Protocol").
const sopsValue = "ENC[AES256_GCM,"

// valuesOf reads values of an app, with the variables replaced.
func valuesOf(tree model.Tree, app model.App, v model.Values, replace func(model.Rendered) (model.Rendered, error)) (Values, error) {
	out := Values{File: app.File, Text: v.Text, Target: v.Target, Literal: v.Literal, Own: v.Own}
	switch {
	case v.Path != "":
		out.File = v.Path
	case v.From != nil:
		out.File = fmt.Sprintf("%s: %s of the %s", app.File, v.Key, v.From)
	}
	if v.Path != "" && v.Text == "" {
		data, err := tree.ReadFile(v.Path)
		if v.Optional && errors.Is(err, fs.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("%s: the values cannot be read: %w", v.Path, err)
		}
		out.Text = string(data)
	}
	if strings.Contains(out.Text, sopsValue) {
		return out, &model.CiphertextError{Err: fmt.Errorf("%s: the values are encrypted with SOPS, and charts are rendered before anything is decrypted in the cluster: "+
			"have the chart name a Secret of the cluster for them, and deliver that encrypted", out.File)}
	}
	if replace == nil || out.Target != "" || !strings.Contains(out.Text, "$") {
		return out, nil
	}
	data, err := yaml.YAMLToJSON([]byte(out.Text))
	if err != nil {
		return out, nil // Helm reads it as it is, and says what is wrong with it
	}
	// As part of an object, so that what the values themselves call metadata means nothing.
	holder, err := json.Marshal(map[string]any{"kind": "Values", "metadata": map[string]string{"name": app.Name}, "values": json.RawMessage(data)})
	if err != nil {
		return out, fmt.Errorf("%s: %w", out.File, err)
	}
	replaced, err := replace(model.Rendered{JSON: holder, File: out.File})
	if err != nil {
		return out, err
	}
	var held struct{ Values json.RawMessage }
	if err := json.Unmarshal(replaced.JSON, &held); err != nil {
		return out, fmt.Errorf("%s: the values with their variables replaced: %w", out.File, err)
	}
	out.Text = string(held.Values)
	return out, nil
}

// placed puts the file of an error first, where people and programs look for it, and tells what may be otherwise next
// time.
func placed(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	out := err
	if e.File != "" {
		at := e.File
		if e.Line > 0 {
			at = fmt.Sprintf("%s:%d", e.File, e.Line)
		}
		out = errors.New(at + ": " + (&Error{Chart: e.Chart, Reason: e.Reason, Hint: e.Hint}).Error())
	}
	if e.Transient {
		return &model.TransientError{Err: out}
	}
	return out
}

// done leaves out hooks that are never done.
func done(objects []model.Rendered) (out []model.Rendered, err error) {
	for _, o := range objects {
		var head struct {
			Metadata struct{ Annotations map[string]any }
		}
		if err := json.Unmarshal(o.JSON, &head); err != nil {
			return nil, fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
		}
		if !fleet.NeverDone(head.Metadata.Annotations) {
			out = append(out, o)
		}
	}
	return out, nil
}

// delivered leaves out what is never done, and keeps what lies in crds/ from being pruned, as Helm does: with a
// definition all its objects go.
func delivered(objects []model.Rendered) (out []model.Rendered, notes []fleet.Note, err error) {
	for _, o := range objects {
		var head struct {
			Kind     string
			Metadata struct {
				Name        string
				Annotations map[string]any
			}
		}
		if err := json.Unmarshal(o.JSON, &head); err != nil {
			return nil, nil, fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
		}
		if fleet.NeverDone(head.Metadata.Annotations) {
			notes = append(notes, fleet.Note{File: o.File, Object: head.Kind + " " + head.Metadata.Name, Field: "metadata.annotations." + annotationHook,
				Text: fmt.Sprintf("left out: hooks for %v are not done", head.Metadata.Annotations[annotationHook])})
			continue
		}
		if head.Kind == "CustomResourceDefinition" && inCRDs(o.File) {
			if o, err = annotated(o, fleet.AnnotationPrune, fleet.PruneDisabled); err != nil {
				return nil, nil, err
			}
		}
		out = append(out, o)
	}
	return out, notes, nil
}

// inCRDs says whether a file lies in the crds/ of a chart.
func inCRDs(file string) bool {
	return strings.Contains("/"+file, "/crds/") && !strings.Contains("/"+file, "/templates/")
}

// annotated is an object with an annotation.
func annotated(o model.Rendered, key, value string) (model.Rendered, error) {
	dec := json.NewDecoder(bytes.NewReader(o.JSON))
	dec.UseNumber() // a number is kept as it was written
	var m map[string]any
	if err := dec.Decode(&m); err != nil {
		return o, fmt.Errorf("%s: an object that cannot be read: %w", o.File, err)
	}
	if meta, ok := m["metadata"].(map[string]any); ok {
		annotations, ok := meta["annotations"].(map[string]any)
		if !ok {
			annotations = map[string]any{}
			meta["annotations"] = annotations
		}
		annotations[key] = value
	}
	data, err := json.Marshal(m)
	return model.Rendered{JSON: data, File: o.File}, err
}
