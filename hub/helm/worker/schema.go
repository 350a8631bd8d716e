package worker

import (
	"bytes"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// validate holds the values of a chart and of its dependencies against their schemas, as Helm does, except that Helm
// would load what a $ref names from this machine and from the network.
func (r *render) validate(c *chart.Chart, values common.Values) error {
	var faults []string
	var first string
	err := eachSchema(c, values, func(c *chart.Chart, values map[string]any) error {
		fault, err := r.violation(c, values)
		if fault != "" {
			if first == "" {
				first = path.Join(c.ChartFullPath(), "values.schema.json")
			}
			faults = append(faults, fault)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return &helm.Error{Chart: r.job.Chart, File: first, Reason: "the values do not fit the schema: " + strings.Join(faults, "; "), Hint: "correct the values"}
	}
	return nil
}

// eachSchema visits the charts that have a schema, with the values that they get.
func eachSchema(c *chart.Chart, values map[string]any, visit func(*chart.Chart, map[string]any) error) error {
	if c.Schema != nil {
		if err := visit(c, values); err != nil {
			return err
		}
	}
	for _, d := range c.Dependencies() {
		below, ok := values[d.Name()].(map[string]any)
		if !ok {
			continue // without values; another type was refused when values were merged
		}
		if err := eachSchema(d, below, visit); err != nil {
			return err
		}
	}
	return nil
}

const schemaURL = "file:///values.schema.json"

// violation says where values do not fit the schema of c; "" if they do.
func (r *render) violation(c *chart.Chart, values map[string]any) (string, error) {
	file := path.Join(c.ChartFullPath(), "values.schema.json")
	bad := func(err error) error {
		return &helm.Error{Chart: r.job.Chart, File: file, Reason: "the schema cannot be used: " + err.Error(), Hint: "write what a $ref names into the schema itself, below $defs"}
	}
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.Schema))
	if err != nil {
		return "", bad(err)
	}
	remote := detach(text, refsReplace(text))
	sealed := &sealed{}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(sealed)
	if err := compiler.AddResource(schemaURL, text); err != nil {
		return "", bad(err)
	}
	schema, err := compiler.Compile(schemaURL)
	switch {
	case err != nil && len(sealed.remote) > 0:
		r.unchecked(file, "the schema, because it needs "+strings.Join(sealed.remote, ", "))
		return "", nil
	case err != nil:
		return "", bad(err)
	}
	if remote = append(remote, sealed.remote...); len(remote) > 0 {
		slices.Sort(remote)
		r.unchecked(file, "what the schema takes from "+strings.Join(slices.Compact(remote), ", "))
	}
	if err := schema.Validate(values); err != nil {
		fault := strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+schemaURL+"#'\n")
		return c.ChartFullPath() + " " + fault, nil
	}
	return "", nil
}

// unchecked notes that values are not held against a part of a schema that is elsewhere.
func (r *render) unchecked(file, what string) {
	r.warnings = append(r.warnings, helm.Warning{File: file, Text: "values are not checked against " + what +
		": rendering reads nothing from the network; the chart is rendered without that check"})
}

// detach takes references to other places on the network out of a schema, so that what they name allows everything, and
// gives their addresses. replace says that a reference stands for everything beside it.
func detach(v any, replace bool) (remote []string) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			remote = append(remote, detach(item, replace)...)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && isRemote(ref) {
			remote = append(remote, ref)
			if delete(v, "$ref"); replace {
				clear(v)
			}
		}
		for key, item := range v {
			switch key {
			case "const", "enum", "default", "examples": // values, which may look like schemas
			default:
				remote = append(remote, detach(item, replace)...)
			}
		}
	}
	return remote
}

// refsReplace says whether in a schema's dialect a $ref stands for everything beside it: up to draft 7
// (json-schema.org/draft/2019-09/release-notes).
func refsReplace(schema any) bool {
	root, _ := schema.(map[string]any)
	dialect, _ := root["$schema"].(string)
	return strings.Contains(dialect, "/draft-0")
}

// isRemote says whether a reference leads into the network. The metaschemas are part of the library.
func isRemote(ref string) bool {
	u, err := url.Parse(ref)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "json-schema.org"
}

// sealed loads no schemas but those that the library has itself. A urn: is taken to allow everything, as Helm does, and
// so is what is elsewhere on the network, which Helm would read.
type sealed struct{ remote []string }

// Load implements jsonschema.URLLoader.
func (s *sealed) Load(at string) (any, error) {
	switch {
	case strings.HasPrefix(at, "urn:"):
		return true, nil
	case isRemote(at):
		s.remote = append(s.remote, at)
		return true, nil
	}
	return nil, fmt.Errorf("%s lies outside of the chart's schema, and rendering reads neither network nor files", at)
}
