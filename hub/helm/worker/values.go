package worker

import (
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/helm"
)

// merged merges the values of the release in order. What has a target is put there after the release's own values were
// merged, which are merged once more at the end: so Flux does it (fluxcd/pkg/chartutil, ChartValuesFromReferences),
// down to which of the two counts where both say something.
func (r *render) merged() (map[string]any, error) {
	own := map[string]any{}
	var parsed []map[string]any
	for _, v := range r.job.Options.Values {
		var values map[string]any
		if v.Target == "" {
			var err error
			if values, err = loader.LoadValues(strings.NewReader(v.Text)); err != nil {
				return nil, &helm.Error{Chart: r.job.Chart, File: v.File, Line: yamlLine(err), Reason: "values that are no YAML mapping: " + fleet.YAMLRule(err), Hint: "correct the YAML"}
			}
			if v.Own {
				own = values
			}
		}
		parsed = append(parsed, values)
	}
	out := map[string]any{}
	for i, v := range r.job.Options.Values {
		switch {
		case v.Own:
		case v.Target == "":
			out = loader.MergeMaps(out, parsed[i])
		default:
			out = loader.MergeMaps(out, own)
			if err := put(out, v); err != nil {
				return nil, &helm.Error{Chart: r.job.Chart, File: v.File, Reason: fmt.Sprintf("a value cannot be put at the path %q", v.Target),
					Hint: hintOf(v)}
			}
		}
	}
	return loader.MergeMaps(out, own), nil
}

// hintOf says what to do about a value that cannot be put at its target.
func hintOf(v helm.Values) string {
	if !v.Literal && strings.ContainsAny(v.Text, `,{}[]\`) {
		return `the value has a comma, a bracket or a backslash, which mean something there as in helm --set: say literal: true beside targetPath`
	}
	return "write the path as for helm --set: a.b[0].c, with a backslash before a dot in a name"
}

// special are the characters that mean something in a value of helm's --set.
var special = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `[`, `\[`, `]`, `\]`, `{`, `\{`, `}`, `\}`)

// put puts a value at its target. A value in quotes is a text; any other is what it looks like.
func put(values map[string]any, v helm.Values) error {
	text := v.Text
	quoted := strings.HasPrefix(text, "'") && strings.HasSuffix(text, "'") || strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`)
	switch {
	case v.Literal:
		return strvals.ParseIntoString(v.Target+"="+special.Replace(text), values)
	case quoted:
		return strvals.ParseIntoString(v.Target+"="+strings.Trim(text, `'"`), values)
	}
	return strvals.ParseInto(v.Target+"="+text, values)
}
