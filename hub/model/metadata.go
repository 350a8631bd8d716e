package model

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/drover-dev/drover/fleet"
)

// On puts labels, annotations and the namespace on every object; they replace what is there.
func (m Metadata) On(objects []Rendered) ([]Rendered, error) {
	if m.IsZero() {
		return objects, nil
	}
	out := make([]Rendered, len(objects))
	for i, o := range objects {
		dec := json.NewDecoder(bytes.NewReader(o.JSON))
		dec.UseNumber() // a number stays as it was written
		var object map[string]any
		if err := dec.Decode(&object); err != nil {
			return nil, fmt.Errorf("%s: a rendered object is no JSON object: %w", o.File, err)
		}
		meta := child(object, "metadata")
		put(meta, "labels", m.Labels)
		put(meta, "annotations", m.Annotations)
		if m.Namespace != "" && !fleet.ClusterScoped(fleet.RefOf(object)) {
			meta["namespace"] = m.Namespace
		}
		data, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.File, err)
		}
		out[i] = Rendered{JSON: data, File: o.File}
	}
	return out, nil
}

func put(meta map[string]any, key string, pairs map[string]string) {
	if len(pairs) == 0 {
		return
	}
	to := child(meta, key)
	for k, v := range pairs {
		to[k] = v
	}
}

// child is the mapping under a key, made if there is none.
func child(of map[string]any, key string) map[string]any {
	m, ok := of[key].(map[string]any)
	if !ok {
		m = map[string]any{}
		of[key] = m
	}
	return m
}
