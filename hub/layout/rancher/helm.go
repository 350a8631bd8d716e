package rancher

import (
	"cmp"
	"slices"
)

// helmOptions are the options of a chart.
type helmOptions struct {
	Chart, Repo, Version, ReleaseName              string
	TimeoutSeconds                                 int
	Values                                         map[string]any
	ValuesFiles                                    []string
	ValuesFrom                                     []valuesFrom
	Force, DisablePreProcess, SkipSchemaValidation bool
	layers                                         []layer
	chartAt, repoAt, valuesFroms                   string
}

// layer are values with the files that are laid over them, as one place says.
type layer struct {
	at     string
	values map[string]any
	files  []string
}

// valuesFrom is an object of the cluster that has values.
type valuesFrom struct{ ConfigMapKeyRef, SecretKeyRef *keyRef }

type keyRef struct{ Name, Namespace, Key string }

// layered is a copy that knows at which field its values stand.
func (h *helmOptions) layered(at string) *helmOptions {
	if h == nil {
		return nil
	}
	out := *h
	out.layers = []layer{{at, h.Values, h.ValuesFiles}}
	out.chartAt, out.repoAt, out.valuesFroms = at+".chart", at+".repo", at+".valuesFrom"
	return &out
}

// merged lays the options of a customization over these.
func (h *helmOptions) merged(custom *helmOptions) *helmOptions {
	if h == nil || custom == nil {
		if h == nil {
			return custom
		}
		return h
	}
	out := *h
	if custom.Chart != "" {
		out.Chart, out.chartAt = custom.Chart, custom.chartAt
	}
	if custom.Repo != "" {
		out.Repo, out.repoAt = custom.Repo, custom.repoAt
	}
	out.Version, out.ReleaseName = cmp.Or(custom.Version, h.Version), cmp.Or(custom.ReleaseName, h.ReleaseName)
	if custom.TimeoutSeconds != 0 {
		out.TimeoutSeconds = custom.TimeoutSeconds
	}
	out.Force, out.DisablePreProcess = h.Force || custom.Force, h.DisablePreProcess || custom.DisablePreProcess
	out.SkipSchemaValidation = h.SkipSchemaValidation || custom.SkipSchemaValidation
	out.ValuesFrom = slices.Concat(h.ValuesFrom, custom.ValuesFrom)
	out.layers = slices.Concat(h.layers, custom.layers)
	return &out
}
