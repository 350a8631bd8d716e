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
	"github.com/drover-dev/drover/hub"
)

var _ hub.Charts = (*Renderer)(nil)

// RenderChart implements hub.Charts. The objects are those of `helm template`, with what lies in crds/, and without hooks that are for
// tests and rollbacks alone: the agent does the others.
func (r *Renderer) RenderChart(ctx context.Context, tree hub.Tree, app fleet.App, kubernetes string,
	replace func(hub.Rendered) (hub.Rendered, error),
) ([]hub.Rendered, []fleet.Note, error) {
	opts := Options{Release: app.Chart.Release, Namespace: app.Namespace, KubeVersion: kubernetes, IncludeCRDs: !app.Chart.SkipCRDs, SkipTests: true}
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
	if err := opts.amend(tree, *app.Chart); err != nil {
		return nil, nil, err
	}
	result, err := r.Render(ctx, Chart{Tree: tree, Path: app.Path, NoDefaults: app.Chart.NoDefaults}, opts)
	if err != nil {
		return nil, nil, placed(err)
	}
	notes := make([]fleet.Note, 0, len(result.Warnings))
	for _, w := range result.Warnings {
		notes = append(notes, fleet.Note{File: w.File, Line: w.Line, Object: "chart " + app.Path, Text: w.Text})
	}
	objects, more, err := delivered(result.Objects)
	return objects, append(notes, more...), err
}

// valuesOf reads values of an app, with the variables replaced.
func valuesOf(tree hub.Tree, app fleet.App, v fleet.Values, replace func(hub.Rendered) (hub.Rendered, error)) (Values, error) {
	out := Values{File: app.File, Text: v.Text}
	if v.Path != "" {
		out.File = v.Path
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
	if replace == nil || !strings.Contains(out.Text, "$") {
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
	replaced, err := replace(hub.Rendered{JSON: holder, File: out.File})
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

// placed puts the file of an error first, where people and programs look for it, and tells what may be otherwise next time.
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
		return &hub.TransientError{Err: out}
	}
	return out
}

// delivered leaves out what is never done, and keeps what lies in crds/ from being pruned, as Helm does: with a definition all its objects go.
func delivered(objects []hub.Rendered) (out []hub.Rendered, notes []fleet.Note, err error) {
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
			notes = append(notes, fleet.Note{File: o.File, Object: head.Kind + " " + head.Metadata.Name, Field: "metadata.annotations.helm.sh/hook",
				Text: fmt.Sprintf("left out: hooks for %v are not done", head.Metadata.Annotations["helm.sh/hook"])})
			continue
		}
		if head.Kind == "CustomResourceDefinition" && strings.Contains("/"+o.File, "/crds/") && !strings.Contains("/"+o.File, "/templates/") {
			if o, err = keptForever(o); err != nil {
				return nil, nil, err
			}
		}
		out = append(out, o)
	}
	return out, notes, nil
}

// keptForever marks an object so that it is never pruned.
func keptForever(o hub.Rendered) (hub.Rendered, error) {
	dec := json.NewDecoder(bytes.NewReader(o.JSON))
	dec.UseNumber() // a number stays as it was written
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
		annotations[fleet.AnnotationPrune] = fleet.PruneDisabled
	}
	data, err := json.Marshal(m)
	return hub.Rendered{JSON: data, File: o.File}, err
}
