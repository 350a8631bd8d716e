package worker

import (
	"bytes"
	"fmt"
	"path"
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
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(sealed{})
	if err := compiler.AddResource(schemaURL, text); err != nil {
		return "", bad(err)
	}
	schema, err := compiler.Compile(schemaURL)
	if err != nil {
		return "", bad(err)
	}
	if err := schema.Validate(values); err != nil {
		fault := strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+schemaURL+"#'\n")
		return c.ChartFullPath() + " " + fault, nil
	}
	return "", nil
}

// sealed loads no schemas but those that the library has itself. A urn: is taken to allow everything, as Helm does.
type sealed struct{}

// Load implements jsonschema.URLLoader.
func (sealed) Load(url string) (any, error) {
	if strings.HasPrefix(url, "urn:") {
		return true, nil
	}
	return nil, fmt.Errorf("%s lies outside of the chart's schema, and rendering reads neither network nor files", url)
}
