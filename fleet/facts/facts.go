// Package facts says what an app delivers, as far as people ask for it across a fleet: the images of its pods, the
// charts that its objects come from, and their kinds.
//
// Like fleet it is pure. It imports the standard library only.
package facts

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Facts are those of one app's objects. They are shared by all clusters that are given the same, and never changed.
type Facts struct {
	Images []string `json:"images,omitempty"` // as pod templates name them, sorted
	Charts []Chart  `json:"charts,omitempty"` // sorted
	Kinds  []Kind   `json:"kinds,omitempty"`  // sorted
	More   int      `json:"more,omitempty"`   // images, charts and kinds that are left out, see Max
}

// Chart is a version of a Helm chart, as its objects are labelled.
type Chart struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Kind is how many objects there are of a kind.
type Kind struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Objects    int    `json:"objects"`
}

// Max is how many images, charts and kinds each are told of one app, and MaxText how long such a text may be, in bytes.
// They are written by people who may write to a repository.
const (
	Max     = 500
	MaxText = 512
)

// ChartLabel is the label in which charts say their name and version, see helm create.
const ChartLabel = "helm.sh/chart"

// maxDepth is how deep pod templates are looked for: a CronJob has its own at a depth of 5.
const maxDepth = 12

// Of gives the facts of rendered objects, each as JSON. An object that cannot be read adds nothing.
func Of(objects [][]byte) Facts {
	c := collector{images: images{}, charts: map[Chart]bool{}, kinds: map[Kind]int{}}
	for _, data := range objects {
		c.add(data)
	}
	return c.facts()
}

type collector struct {
	images images
	charts map[Chart]bool
	kinds  map[Kind]int
}

func (c collector) add(data []byte) {
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Labels map[string]any }
	}
	if json.Unmarshal(data, &head) != nil || head.Kind == "" {
		return
	}
	if len(head.APIVersion) <= MaxText && len(head.Kind) <= MaxText {
		c.kinds[Kind{APIVersion: head.APIVersion, Kind: head.Kind}]++
	}
	if label, _ := head.Metadata.Labels[ChartLabel].(string); label != "" && len(label) <= MaxText {
		c.charts[ChartOf(label)] = true
	}
	c.images.add(data)
}

// ImagesOf gives the images of Of alone, for programs that are to stay small.
func ImagesOf(objects [][]byte) []string {
	found := images{}
	for _, data := range objects {
		found.add(data)
	}
	list, _ := bounded(found.sorted(), 0)
	return list
}

// images are references that were found.
type images map[string]bool

func (m images) sorted() []string { return slices.Sorted(maps.Keys(m)) }

func (m images) add(data []byte) {
	if !strings.Contains(string(data), `"image"`) { // most objects
		return
	}
	var whole map[string]any
	if json.Unmarshal(data, &whole) != nil {
		return
	}
	if kind, _ := whole["kind"].(string); kind != "" {
		m.pods(whole, 0)
	}
}

// podFields are the lists of containers of a pod.
var podFields = [...]string{"containers", "initContainers", "ephemeralContainers"}

// pods finds the images of containers wherever an object has a pod's spec: workloads of Kubernetes, and those of other
// controllers (Rollouts, Services of Knative, Workflows), whose kinds are not known here.
func (m images) pods(at any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := at.(type) {
	case []any:
		for _, item := range v {
			m.pods(item, depth+1)
		}
	case map[string]any:
		for _, field := range podFields {
			list, _ := v[field].([]any)
			for _, item := range list {
				container, _ := item.(map[string]any)
				if image, _ := container["image"].(string); image != "" && len(image) <= MaxText {
					m[image] = true
				}
			}
		}
		for _, item := range v {
			m.pods(item, depth+1)
		}
	}
}

func (c collector) facts() (f Facts) {
	f.Images = c.images.sorted()
	for chart := range c.charts {
		f.Charts = append(f.Charts, chart)
	}
	for kind, n := range c.kinds {
		kind.Objects = n
		f.Kinds = append(f.Kinds, kind)
	}
	slices.SortFunc(f.Charts, func(a, b Chart) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), CompareVersions(a.Version, b.Version), cmp.Compare(a.Version, b.Version))
	})
	slices.SortFunc(f.Kinds, func(a, b Kind) int {
		return cmp.Or(cmp.Compare(a.APIVersion, b.APIVersion), cmp.Compare(a.Kind, b.Kind))
	})
	f.Images, f.More = bounded(f.Images, f.More)
	f.Charts, f.More = bounded(f.Charts, f.More)
	f.Kinds, f.More = bounded(f.Kinds, f.More)
	return f
}

func bounded[T any](list []T, more int) ([]T, int) {
	if n := len(list) - Max; n > 0 {
		return list[:Max:Max], more + n
	}
	return list, more
}
