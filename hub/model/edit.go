package model

// Directory says that a folder is read as plain manifests, each file by itself, and not built with kustomize.
type Directory struct {
	Recurse bool `json:"recurse,omitempty"` // folders in it are read as well
	// Include is a regular expression of the files that are read, as seen from the folder; "" for all.
	Include string `json:"include,omitempty"`
	Exclude string `json:"exclude,omitempty"` // regular expression of files that are not
	// Detect: a folder that has a kustomization is built with kustomize all the same. It is set where the folder could not
	// be seen when the app was declared.
	Detect bool `json:"detect,omitempty"`
	// Refuse is a regular expression of files that are an error, as seen from the folder: they would have to be followed,
	// and could not be read when the app was declared; "" for none.
	Refuse string `json:"refuse,omitempty"`
}

// Edit changes the kustomization of a folder as the commands of `kustomize edit` do.
type Edit struct {
	Images             []string          `json:"images,omitempty"`   // of `set image`, as name=newName:tag@digest
	Replicas           []Replicas        `json:"replicas,omitempty"` // of `set replicas`
	Labels             map[string]string `json:"labels,omitempty"`   // of `add label`
	ForceLabels        bool              `json:"forceLabels,omitempty"`
	WithoutSelector    bool              `json:"withoutSelector,omitempty"`
	IncludeTemplates   bool              `json:"includeTemplates,omitempty"`
	Annotations        map[string]string `json:"annotations,omitempty"` // of `add annotation`
	ForceAnnotations   bool              `json:"forceAnnotations,omitempty"`
	KubeVersion        string            `json:"kubeVersion,omitempty"`        // for charts, instead of what kustomizations say
	APIVersions        []string          `json:"apiVersions,omitempty"`        // likewise
	NeedsKustomization bool              `json:"needsKustomization,omitempty"` // there must be one
}

// IsZero says whether the kustomization is unchanged.
func (e Edit) IsZero() bool {
	return len(e.Images)+len(e.Replicas)+len(e.Labels)+len(e.Annotations) == 0
}

// Replicas is how many there are to be of the workload of a name.
type Replicas struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
}

// Parameter sets one value of a chart by its path, in the syntax of `helm --set`.
type Parameter struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	String bool   `json:"string,omitempty"` // the value is a string whatever it looks like, as for --set-string
	// Path is a file whose content is the value, as for --set-file, seen from the root of Source.
	Path   string  `json:"path,omitempty"`
	Source *Source `json:"source,omitempty"` // nil for the repository that the hub follows
}
