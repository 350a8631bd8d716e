package worker

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/gosimple/slug"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
)

// maxTpl is how deep tpl may call itself.
const maxTpl = 3

// executed executes templates as Argo CD does those of an ApplicationSet (v3.6, applicationset/utils): with sprig's
// functions, but for those that look at the machine, and with functions for YAML and for names.
func executed(job *helm.Job) helm.Answer {
	var a helm.Answer
	size := 0
	base, options := template.New("template").Funcs(setFunctions()), slices.Clone(job.Templates.Options)
	if at := slices.Index(options, model.TemplatesOfInputs); at >= 0 {
		base, options = template.New("resourceset").Delims("<<", ">>").Funcs(inputFunctions()), slices.Delete(options, at, at+1)
	}
	for _, g := range job.Templates.Groups {
		texts, err := executeGroup(base, options, g, &size)
		if err != nil {
			return helm.Answer{Err: &helm.Error{Chart: job.Chart, Reason: err.Error()}}
		}
		a.Texts = append(a.Texts, texts)
	}
	return a
}

func executeGroup(base *template.Template, options []string, g model.Templated, size *int) (out []string, err error) {
	var params map[string]any
	if err := json.Unmarshal(g.Params, &params); err != nil {
		return nil, fmt.Errorf("parameters that cannot be read: %w", err)
	}
	defer func() {
		if v := recover(); v != nil { // of an option that text/template does not know
			err = fmt.Errorf("%v", v)
		}
	}()
	for _, text := range g.Texts {
		t, err := base.Clone()
		if err != nil {
			return nil, err
		}
		t.Option(options...)
		t.Funcs(template.FuncMap{"tpl": tpl(t), "inputs": func() any { return params }})
		if _, err := t.Parse(text); err != nil {
			return nil, fmt.Errorf("%w, in %q", err, short(text))
		}
		var b strings.Builder
		if err := t.Execute(&b, params); err != nil {
			return nil, fmt.Errorf("%w, in %q", err, short(text))
		}
		if *size += b.Len(); *size > helm.MaxOutput {
			return nil, fmt.Errorf("the templates give more than %d MiB", helm.MaxOutput>>20)
		}
		out = append(out, b.String())
	}
	return out, nil
}

func short(text string) string {
	if len(text) > 200 {
		return strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}

func setFunctions() template.FuncMap {
	out := template.FuncMap(sprig.GenericFuncMap())
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(out, name)
	}
	maps.Copy(out, template.FuncMap{
		"normalize": model.NormalizeName, "slugify": slugify, "toYaml": toYAML,
		"fromYaml": fromYAML[map[string]any], "fromYamlArray": fromYAML[[]any],
		"keys": sortedKeys, "values": sortedValues,
	})
	for _, name := range volatile { // the result is remembered, and is the same on every hub
		out[name] = func(...any) (string, error) {
			return "", fmt.Errorf("%s gives something else each time, which is not supported: write the value down", name)
		}
	}
	return out
}

// inputFunctions are those of the Flux Operator for the templates of a ResourceSet (https://fluxcd.control-plane.io/operator/resourceset/,
// "Templating"): those of slim-sprig that give the same each time, slugify, and toYaml with its line end.
func inputFunctions() template.FuncMap {
	out := template.FuncMap(sprig.HermeticTxtFuncMap())
	for _, name := range volatile {
		delete(out, name)
	}
	maps.Copy(out, template.FuncMap{
		"keys": sortedKeys, "values": sortedValues,
		"inputs": func() any { return nil }, // those of the set of inputs, when it is executed
		"slugify": func(text string) string {
			slug.MaxLength, slug.EnableSmartTruncate = 63, true
			return slug.Make(text)
		},
		"toYaml":     func(v any) string { text, _ := mustYAML(v); return text },
		"mustToYaml": mustYAML,
	})
	return out
}

func mustYAML(v any) (string, error) {
	data, err := yaml.Marshal(v)
	return string(data), err
}

func toYAML(v any) (string, error) {
	data, err := yaml.Marshal(v)
	return strings.TrimSuffix(string(data), "\n"), err
}

func fromYAML[T any](text string) (T, error) {
	var out T
	err := yaml.Unmarshal([]byte(text), &out)
	return out, err
}

// tpl executes a text as a template with the options and functions of t.
func tpl(t *template.Template) func(string, any) (string, error) {
	depth := 0
	return func(text string, data any) (string, error) {
		depth++
		defer func() { depth-- }()
		if depth > maxTpl {
			return "", fmt.Errorf("tpl calls itself more than %d deep", maxTpl)
		}
		inner, err := t.Clone()
		if err != nil {
			return "", err
		}
		if inner, err = inner.New(t.Name()).Parse(text); err != nil {
			return "", err
		}
		var b strings.Builder
		err = inner.Execute(&b, data)
		return strings.ReplaceAll(b.String(), "<no value>", ""), err
	}
}

// slugify makes a name for URLs: the last argument, with a length and whether to cut between words before it.
func slugify(args ...any) (string, error) {
	slug.MaxLength, slug.EnableSmartTruncate = 50, true
	name, ok := "", len(args) > 0 && len(args) < 4
	for i, arg := range args {
		switch {
		case i == len(args)-1 && ok:
			name, ok = arg.(string)
		case i == 0 && ok:
			slug.MaxLength, ok = arg.(int)
		case ok:
			slug.EnableSmartTruncate, ok = arg.(bool)
		}
	}
	if !ok {
		return "", fmt.Errorf("slugify takes a length, whether to cut between words, and a name: it was given %v", args)
	}
	return slug.Make(model.NormalizeName(name)), nil
}
