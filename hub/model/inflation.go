package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Inflation is a chart that a kustomization wants to have rendered, with what `helm template` would be given.
type Inflation struct {
	File string `json:"file"` // the kustomization that names the chart
	Path string `json:"path"` // the chart's folder
	// Release is the name of the release. NameTemplate gives it instead, where it is empty; if both are, the name is
	// that which Helm takes without one.
	Release      string   `json:"release,omitempty"`
	NameTemplate string   `json:"nameTemplate,omitempty"`
	Namespace    string   `json:"namespace,omitempty"`
	Values       []string `json:"values,omitempty"` // YAML, later ones take precedence
	APIVersions  []string `json:"apiVersions,omitempty"`
	KubeVersion  string   `json:"kubeVersion,omitempty"`
	IncludeCRDs  bool     `json:"includeCRDs,omitempty"`
	SkipHooks    bool     `json:"skipHooks,omitempty"`
	SkipTests    bool     `json:"skipTests,omitempty"`
	// Jsonnet: it is no chart, but a file of Jsonnet at Path in the app's folder File.
	Jsonnet *Jsonnet `json:"jsonnet,omitempty"`
}

// Key tells one Inflation from another.
func (i Inflation) Key() string {
	data, _ := json.Marshal(i) // texts and flags alone: it cannot fail
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// InflationError says that a build needs charts rendered. It is to be tried again with them in
// BuildOptions.Inflated.
type InflationError struct{ Charts []Inflation }

// Error implements error.
func (e *InflationError) Error() string {
	if e.Charts[0].Jsonnet != nil {
		return e.Charts[0].Path + ": a file of Jsonnet, and nothing here evaluates it"
	}
	return e.Charts[0].File + ": the kustomization names a Helm chart, and nothing here renders charts: deliver the chart by an App with a helm section, or a HelmRelease"
}
