package rancher

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/model"
)

func isTransient(err error) bool {
	_, is := errors.AsType[*model.TransientError](err)
	return is
}

// labelPrefix begins a value that stands for a label of the cluster.
const labelPrefix = "global.fleet.clusterLabels."

// templated says whether there is something in values that depends on the cluster.
func templated(text string) bool {
	return strings.Contains(text, "${") || strings.Contains(text, labelPrefix)
}

// expandValues gives values as YAML, with the templates in them executed as Fleet does (v0.12, controller/target,
// preprocessHelmValues): ${ } holds an action of Go's templates. The result is read again, so that a text may become
// a number.
func (r *reader) expandValues(ctx context.Context, b *bundle, at string, values map[string]any) (string, error) {
	cluster := r.plan.Cluster
	data, err := yaml.Marshal(withLabels(values, cluster.Labels))
	text := string(data)
	if err != nil || !strings.Contains(text, "${") || b.Helm.DisablePreProcess {
		return text, err
	}
	if r.templates == nil {
		return "", b.file.errorf(at, "nothing here executes the templates in it")
	}
	params, err := json.Marshal(map[string]any{"ClusterNamespace": b.repo.o.Namespace, "ClusterName": cluster.Name,
		"ClusterLabels": notNil(cluster.Labels), "ClusterAnnotations": notNil(cluster.Annotations),
		"ClusterValues": map[string]any{}})
	if err != nil {
		return "", err
	}
	texts, err := r.templates.Execute(ctx, b.file.path, []string{"missingkey=error"},
		[]model.Templated{{Params: params, Texts: []string{goTemplate(text)}}})
	switch {
	case isTransient(err):
		return "", err
	case err != nil:
		return "", b.file.errorf(at, "%v: does the cluster have the labels in its cluster.yaml?", err)
	}
	var out map[string]any
	if err := yaml.Unmarshal([]byte(texts[0][0]), &out); err != nil {
		return "", b.file.errorf(at, "with the templates executed it is no YAML mapping: put quotes around them")
	}
	return texts[0][0], nil
}

func notNil(labels map[string]string) map[string]string {
	if labels == nil {
		return map[string]string{}
	}
	return labels
}

// withLabels is a copy of values in which texts that name a label of the cluster are replaced by it.
func withLabels(v any, labels map[string]string) any {
	switch v := v.(type) {
	case string:
		if label, is := strings.CutPrefix(v, labelPrefix); is {
			return labels[label]
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = withLabels(value, labels)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			if _, text := value.(string); text {
				out[i] = value // Fleet looks at the values of mappings alone
			} else {
				out[i] = withLabels(value, labels)
			}
		}
		return out
	}
	return v
}

// goTemplate writes a template whose actions are in ${ } with those of Go, {{ }}.
func goTemplate(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(strings.ReplaceAll(before, "{{", `{{"{{"}}`))
		if !found {
			return out.String()
		}
		end := actionEnd(rest)
		if end < 0 {
			out.WriteString("{{" + rest) // the parser says that it is not closed
			return out.String()
		}
		out.WriteString("{{" + rest[:end] + "}}")
		text = rest[end+1:]
	}
}

// actionEnd is where the brace is that closes an action: the first that is in no text.
func actionEnd(text string) int {
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\' && quote == '"':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '`'):
			quote = c
		case quote == 0 && c == '}':
			return i
		}
	}
	return -1
}
