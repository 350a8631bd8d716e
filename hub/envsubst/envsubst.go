// Package envsubst replaces ${var} in what the hub renders, by the rules of fleet/envsubst, which the agent uses
// too. It may import hub/model and fleet/envsubst.
package envsubst

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/drover-dev/drover/fleet/envsubst"
	"github.com/drover-dev/drover/hub/model"
)

// Replace gives objects with every ${var} replaced, see envsubst.Replace. Unless strict, a variable whose name is none
// is an error even if nothing uses it.
func Replace(objects []model.Rendered, vars map[string]string, strict bool) ([]model.Rendered, error) {
	if !strict {
		if err := envsubst.CheckNames(vars); err != nil {
			return nil, err
		}
	}
	out := make([]model.Rendered, len(objects))
	var errs []error
	for i, o := range objects {
		replaced, err := envsubst.Replace(o.JSON, vars, strict)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where(o), err))
			continue
		}
		out[i] = model.Rendered{JSON: replaced, File: o.File}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func where(o model.Rendered) string {
	var m struct {
		Kind     string
		Metadata struct{ Namespace, Name string }
	}
	if err := json.Unmarshal(o.JSON, &m); err != nil {
		return o.File
	}
	name := strings.Trim(m.Metadata.Namespace+"/"+m.Metadata.Name, "/")
	if o.File == "" {
		return m.Kind + "/" + name
	}
	return o.File + ": " + m.Kind + "/" + name
}
