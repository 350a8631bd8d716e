package appset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// isTemplated finds what may be a template of the simple kind.
var isTemplated = regexp.MustCompile(`.*{{.*}}.*`)

// execute executes every text in a value with parameters.
func (g *generation) execute(v any, params map[string]any) (any, error) {
	out, err := g.executeEach(v, []map[string]any{params})
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// executeEach executes every text in a value with each set of parameters.
func (g *generation) executeEach(v any, each []map[string]any) ([]any, error) {
	return g.executeWith(v, each, g.GoTemplateOptions)
}

func (g *generation) executeWith(v any, each []map[string]any, options []string) ([]any, error) {
	var texts []string
	eachText(v, func(s string) string { texts = append(texts, s); return s })
	results, err := g.results(texts, each, options)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(each))
	for i := range each {
		next := 0
		out[i] = eachText(v, func(string) string {
			next++
			return results[i][next-1]
		})
	}
	return out, nil
}

// results is what texts come to with each set of parameters.
func (g *generation) results(texts []string, each []map[string]any, options []string) ([][]string, error) {
	out := make([][]string, len(each))
	if !g.GoTemplate || !strings.Contains(strings.Join(texts, ""), "{{") {
		for i, params := range each {
			for _, text := range texts {
				s, err := simple(text, params)
				if err != nil {
					return nil, err
				}
				out[i] = append(out[i], s)
			}
		}
		return out, nil
	}
	if g.templates == nil {
		return nil, errors.New("nothing here executes Go templates")
	}
	groups := make([]model.Templated, len(each))
	for i, params := range each {
		data, err := json.Marshal(params)
		if err != nil {
			return nil, err
		}
		groups[i] = model.Templated{Params: data, Texts: texts}
	}
	return g.templates.Execute(g.ctx, g.o.String(), options, groups)
}

// simple replaces {{name}} by a parameter. One that there is no parameter for is kept.
func simple(text string, params map[string]any) (string, error) {
	if !isTemplated.MatchString(text) {
		return text, nil
	}
	var b strings.Builder
	for left := text; ; {
		before, rest, ok := strings.Cut(left, "{{")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		tag, after, ok := strings.Cut(rest, "}}")
		if !ok {
			return "", fmt.Errorf("%q has a {{ without a }}", text)
		}
		if value, is := params[strings.TrimSpace(tag)].(string); is {
			b.WriteString(value)
		} else {
			b.WriteString("{{" + tag + "}}")
		}
		left = after
	}
}

// eachText rebuilds a value with every text in it replaced, keys as well, always in the same order.
func eachText(v any, replace func(string) string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			value := eachText(v[key], replace)
			out[replace(key)] = value
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = eachText(v[i], replace)
		}
		return out
	case string:
		return replace(v)
	}
	return v
}

// appendValues adds the values of a generator to its parameters. They see the parameters, and not each other.
func (g *generation) appendValues(values any, params map[string]any) error {
	list, _ := values.(map[string]any)
	if len(list) == 0 {
		return nil
	}
	texts := map[string]any{}
	for key, value := range list {
		texts[key] = value
	}
	keys := slices.Sorted(maps.Keys(texts))
	lines := make([]any, len(keys))
	for i, key := range keys {
		lines[i] = fmt.Sprint(texts[key])
	}
	made, err := g.execute(lines, params)
	if err != nil {
		return err
	}
	executed, _ := made.([]any)
	under := map[string]any{}
	for i, key := range keys {
		if under[key] = executed[i]; !g.GoTemplate {
			params["values."+key] = executed[i]
		}
	}
	if g.GoTemplate {
		params["values"] = under
	}
	return nil
}

// interpolate executes the templates in a generator with the parameters of another one. A value that needs parameters
// of the generator itself waits for these.
func (g *generation) interpolate(kind string, generator, params map[string]any) (map[string]any, error) {
	own, _ := generator[kind].(map[string]any)
	values, _ := own["values"].(map[string]any)
	bare := maps.Clone(generator)
	if values != nil {
		own = maps.Clone(own)
		delete(own, "values")
		bare[kind] = own
	}
	made, err := g.execute(bare, params)
	if err != nil {
		return nil, err
	}
	out, _ := made.(map[string]any)
	if values == nil {
		return out, nil
	}
	resolved := map[string]any{}
	for key, value := range values {
		options := []string{"missingkey=error"}
		made, err := g.executeWith(value, []map[string]any{params}, options)
		switch {
		case err == nil:
			resolved[key] = made[0]
		case strings.Contains(err.Error(), "map has no entry for key"), strings.Contains(err.Error(), "can't evaluate field"):
			resolved[key] = value
		default:
			return nil, err
		}
	}
	if own, ok := out[kind].(map[string]any); ok {
		own["values"] = resolved
	}
	return out, nil
}

// filled is a template with what it lacks taken from another one.
func filled(template, from map[string]any) map[string]any {
	out := maps.Clone(template)
	if out == nil {
		out = map[string]any{}
	}
	for key, value := range from {
		have, isMap := out[key].(map[string]any)
		more, both := value.(map[string]any)
		switch {
		case isMap && both:
			out[key] = filled(have, more)
		case planning.Empty(out[key]):
			out[key] = value
		}
	}
	return out
}

// overlaid is a set of parameters with those of another one over it.
func overlaid(params, over map[string]any) map[string]any { return filled(over, params) }

// flat gives parameters as texts, with the names of what lies in others joined by dots.
func flat(v any, at string, to map[string]string) {
	below := func(key string) string { return strings.TrimPrefix(at+"."+key, ".") }
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			flat(value, below(key), to)
		}
	case []any:
		for i, value := range v {
			flat(value, below(fmt.Sprint(i)), to)
		}
	default:
		to[at] = fmt.Sprintf("%v", v)
	}
}
