package appset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// generated is what a generator gives: sets of parameters, and the template with what the generator itself says of it.
type generated struct {
	params   []map[string]any
	template map[string]any
}

// params goes through what a generator holds: one kind, as a rule. outer are the parameters of the generator before it
// in a matrix.
func (g *generation) params(at string, generator, outer map[string]any) ([]generated, error) {
	var out []generated
	for _, kind := range slices.Sorted(maps.Keys(generator)) {
		own, ok := generator[kind].(map[string]any)
		if kind == "selector" || generator[kind] == nil {
			continue
		}
		if !ok {
			return nil, g.placed(at+"."+kind, errors.New("it is no mapping"))
		}
		template, _ := own["template"].(map[string]any)
		if len(outer) > 0 {
			of, err := g.interpolate(kind, generator, outer)
			if err != nil {
				return nil, g.placed(at+"."+kind, err)
			}
			own, _ = of[kind].(map[string]any)
		}
		params, err := g.kind(at+"."+kind, kind, own)
		if err == nil {
			params, err = selected(params, generator["selector"])
		}
		if err != nil {
			return nil, g.placed(at+"."+kind, err)
		}
		out = append(out, generated{params, filled(template, g.Template)})
	}
	return out, nil
}

func (g *generation) kind(at, kind string, own map[string]any) ([]map[string]any, error) {
	switch kind {
	case "list":
		return g.list(own)
	case "clusters":
		return g.clusterParams(own)
	case "git":
		return g.git(at, own)
	case "matrix":
		return g.matrix(at, own)
	case "merge":
		return g.merge(at, own)
	}
	if says := fields.RefusedGenerator(kind); says != "" {
		return nil, errors.New(says)
	}
	return nil, errors.New("no generator that Drover knows: correct its name")
}

// selected leaves out the sets of parameters that a generator's selector does not want. Values may be anything, unlike
// those of labels.
func selected(params []map[string]any, selector any) ([]map[string]any, error) {
	if selector == nil {
		return params, nil
	}
	s, err := readSelector(selector)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(params, func(p map[string]any) bool {
		texts := map[string]string{}
		flat(p, "", texts)
		return !s.Matches(texts)
	}), nil
}

// readSelector reads a selector as Kubernetes has it.
func readSelector(v any) (selector.Selector, error) {
	var s struct {
		MatchLabels      map[string]string
		MatchExpressions []selector.Requirement
	}
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return selector.Selector{}, fmt.Errorf("the selector: %w", err)
	}
	out, err := selector.New(s.MatchLabels, s.MatchExpressions)
	if err != nil {
		return out, fmt.Errorf("the selector: %w", err)
	}
	return out, nil
}

// list gives its elements.
func (g *generation) list(own map[string]any) ([]map[string]any, error) {
	elements, _ := own["elements"].([]any)
	var out []map[string]any
	for i, e := range elements {
		element, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("elements[%d] is no mapping", i)
		}
		if g.GoTemplate {
			out = append(out, element)
			continue
		}
		params, err := textsOf(element)
		if err != nil {
			return nil, fmt.Errorf("elements[%d]: %w", i, err)
		}
		out = append(out, params)
	}
	if text, _ := own["elementsYaml"].(string); text != "" {
		var more []map[string]any
		if err := yaml.Unmarshal([]byte(text), &more); err != nil {
			return nil, fmt.Errorf("elementsYaml is no list of mappings: %w", err)
		}
		out = append(out, more...)
	}
	return out, nil
}

// textsOf are the parameters of an element for templates of the simple kind, which know texts alone.
func textsOf(element map[string]any) (map[string]any, error) {
	params := map[string]any{}
	for key, value := range element {
		if values, ok := value.(map[string]any); ok && key == "values" {
			for k, v := range values {
				params["values."+k] = v
			}
			continue
		}
		params[key] = value
	}
	for key, value := range params {
		if _, ok := value.(string); !ok {
			return nil, fmt.Errorf("%s is no text: put it in quotes, or say goTemplate: true", key)
		}
	}
	return params, nil
}

// Every cluster that Argo CD knows has this label.
const (
	secretType  = "argocd.argoproj.io/secret-type"
	clusterType = "cluster"
)

// clusterParams gives the clusters of the fleet, by what their cluster.yaml says.
func (g *generation) clusterParams(own map[string]any) ([]map[string]any, error) {
	clusters, err := g.clusters(own)
	if err != nil {
		return nil, err
	}
	selector, err := readSelector(own["selector"])
	if err != nil {
		return nil, err
	}
	out := []map[string]any{}
	for _, c := range clusters {
		labels := map[string]string{secretType: clusterType}
		maps.Copy(labels, c.Labels)
		if own["selector"] != nil && !selector.Matches(labels) {
			continue
		}
		params := map[string]any{"name": destination.Name(c), "nameNormalized": model.NormalizeName(destination.Name(c)),
			"server":  destination.Server(c),
			"project": ""}
		if g.GoTemplate {
			metadata := map[string]any{"labels": anyOf(labels)}
			if len(c.Annotations) > 0 {
				metadata["annotations"] = anyOf(c.Annotations)
			}
			params["metadata"] = metadata
		} else {
			for key, value := range labels {
				params["metadata.labels."+key] = value
			}
			for key, value := range c.Annotations {
				params["metadata.annotations."+key] = value
			}
		}
		if err := g.appendValues(own["values"], params); err != nil {
			return nil, err
		}
		out = append(out, params)
	}
	if flat, _ := own["flatList"].(bool); flat {
		list := make([]any, len(out))
		for i := range out {
			list[i] = out[i]
		}
		return []map[string]any{{"clusters": list}}, nil
	}
	return out, nil
}

func anyOf(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// nested gives the sets of parameters of each generator in a matrix or a merge; see gives it what it may see of the one
// before it.
func (g *generation) nested(at string, own map[string]any, i int, outer map[string]any) ([]map[string]any, error) {
	list, _ := own["generators"].([]any)
	generator, ok := list[i].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("generators[%d] is no mapping", i)
	}
	given, err := g.params(planning.FieldAt(at+".generators", i), generator, outer)
	if err != nil {
		return nil, err
	}
	if len(given) != 1 {
		return nil, fmt.Errorf("generators[%d] is to hold one generator, and holds %d", i, len(given))
	}
	return given[0].params, nil
}

// matrix gives every set of the first generator with every one of the second, which may use the parameters of the
// first.
func (g *generation) matrix(at string, own map[string]any) ([]map[string]any, error) {
	if list, _ := own["generators"].([]any); len(list) != 2 {
		return nil, fmt.Errorf("it has %d generators, and is to have two", len(list))
	}
	first, err := g.nested(at, own, 0, nil)
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, a := range first {
		second, err := g.beside(a, func() ([]map[string]any, error) { return g.nested(at, own, 1, a) })
		if err != nil {
			return nil, err
		}
		for _, b := range second {
			if len(out) > planning.MaxApps {
				return nil, fmt.Errorf("it gives more than %d sets of parameters", planning.MaxApps)
			}
			if g.GoTemplate {
				out = append(out, overlaid(b, a))
				continue
			}
			both := maps.Clone(a)
			for key, value := range b {
				if have, ok := a[key]; ok && have != value {
					return nil, fmt.Errorf("both generators give the parameter %s, %q and %q: rename one, or give one a "+
						"pathParamPrefix", key, have, value)
				}
				both[key] = value
			}
			out = append(out, both)
		}
	}
	return out, nil
}

// merge gives the sets of the first generator, with those of the others over them that are equal in the merge keys.
func (g *generation) merge(at string, own map[string]any) ([]map[string]any, error) {
	list, _ := own["generators"].([]any)
	keys, _ := own["mergeKeys"].([]any)
	if len(list) < 2 || len(keys) == 0 {
		return nil, errors.New("it is to have two generators or more, and mergeKeys")
	}
	defer func(target string) { g.target = target }(g.target)
	if !slices.Contains(keys, any(g.target)) { // sets of other names may come to have the name of this cluster
		g.target = ""
	}
	var base map[string]map[string]any
	for i := range list {
		params, err := g.nested(at, own, i, nil)
		if err != nil {
			return nil, err
		}
		byKey := map[string]map[string]any{}
		for _, p := range params {
			key := mergeKey(keys, p)
			if _, ok := byKey[key]; ok {
				return nil, fmt.Errorf("generators[%d] gives two sets of parameters with the merge keys %s", i, key)
			}
			byKey[key] = p
		}
		if i == 0 {
			base = byKey
			continue
		}
		for key, p := range base {
			over, ok := byKey[key]
			switch {
			case ok && g.GoTemplate:
				base[key] = overlaid(p, over)
			case ok:
				maps.Copy(p, over)
			}
		}
	}
	out := make([]map[string]any, 0, len(base))
	for _, key := range slices.Sorted(maps.Keys(base)) {
		out = append(out, base[key])
	}
	return out, nil
}

func mergeKey(keys []any, params map[string]any) string {
	values := map[string]any{}
	for _, key := range keys {
		values[fmt.Sprint(key)] = params[fmt.Sprint(key)]
	}
	data, err := json.Marshal(values)
	if err != nil {
		return fmt.Sprint(values)
	}
	return string(data)
}
