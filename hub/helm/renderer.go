package helm

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// Options are what a release says about its chart, and what is known of its cluster.
type Options struct {
	Release   string `json:"release"`             // .Release.Name
	Namespace string `json:"namespace,omitempty"` // .Release.Namespace

	Values []Values    `json:"values,omitempty"` // merged in order, later ones win, as several --values do
	Set    []Parameter `json:"set,omitempty"`    // laid over Values in order, as --set and --set-string do

	// KubeVersion ("v1.37.2") and APIVersions ("apps/v1", "apps/v1/Deployment", …) are what the cluster reported, for
	// .Capabilities. Where one is empty it is what `helm template` takes by default.
	KubeVersion string   `json:"kubeVersion,omitempty"`
	APIVersions []string `json:"apiVersions,omitempty"`

	MoreAPIs []string `json:"moreAPIs,omitempty"` // beside APIVersions, as --api-versions

	Upgrade     bool `json:"upgrade,omitempty"`     // .Release.IsUpgrade instead of .Release.IsInstall
	IncludeCRDs bool `json:"includeCRDs,omitempty"` // what lies in crds/ comes first, as --include-crds does
	SkipHooks   bool `json:"skipHooks,omitempty"`   // leave out objects with helm.sh/hook; else they come last and keep it
	SkipTests   bool `json:"skipTests,omitempty"`   // leave out hooks of the event "test"
	SkipSchema  bool `json:"skipSchema,omitempty"`  // do not hold the values against values.schema.json

	// PostRender is given the rendered objects as a stream of YAML documents and returns what replaces them. Documents
	// carry an annotation that names their template; one that loses it is taken for new. Hooks are among them if
	// PostRenderHooks is set, as in Helm 4; in Helm 3 and for Flux they are not.
	PostRender      func(ctx context.Context, stream []byte) ([]byte, error) `json:"-"`
	PostRenderHooks bool                                                     `json:"postRenderHooks,omitempty"`
}

// Values is one YAML text of values.
type Values struct {
	File string `json:"file"` // for messages: the path it was read from
	Text string `json:"text"`

	// Target, Literal and Own are those of model.Values.
	Target  string `json:"target,omitempty"`
	Literal bool   `json:"literal,omitempty"`
	Own     bool   `json:"own,omitempty"`
}

// Parameter sets one value by its path, in the syntax of --set.
type Parameter struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	String bool   `json:"string,omitempty"` // take the value for a string whatever it looks like
	File   bool   `json:"file,omitempty"`   // the value is the content of a file, and taken as it is
}

// Result is a rendered chart.
type Result struct {
	// Objects are in Helm's order of installation: CRDs of crds/ if asked for, the others by kind, hooks last. File is the
	// repository path of the template where the chart is a folder of the tree, else its path below the chart's name.
	Objects  []model.Rendered
	Warnings []Warning
	AsksAPIs bool // the templates looked at .Capabilities.APIVersions
}

// Warning is something that a person should know about a chart that renders nevertheless.
type Warning struct {
	File     string // the template; "" if it is not about one
	Line     int    // 1-based line in File; 0 if unknown
	Function string // the template function it is about: "lookup", "randAlphaNum", …; "" if it is about none
	Text     string // what is so, and what to do
}

// String gives "FILE:LINE: text".
func (w Warning) String() string {
	switch {
	case w.File == "":
		return w.Text
	case w.Line == 0:
		return w.File + ": " + w.Text
	}
	return fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Text)
}

// Render renders the chart. The result depends only on the chart's files and the options, apart from what functions
// such as randAlphaNum make up, which are warned of. A tree is read by the time that Render returns, and no more
// afterwards.
//
// Errors about the chart or its values are *Error. When ctx ends, the render is stopped.
func (r *Renderer) Render(ctx context.Context, chart Chart, opts Options) (Result, error) {
	if err := opts.check(chart); err != nil {
		return Result{}, err
	}
	src, err := chart.read()
	if err != nil {
		return Result{}, err
	}
	a, err := r.run(ctx, Job{Chart: chart.label(), Files: src.files, Archive: src.archive, Options: opts})
	if err != nil {
		return Result{}, err
	}
	if a.Err != nil {
		a.Err.File = src.where(a.Err.File)
		return Result{AsksAPIs: a.AsksAPIs}, a.Err
	}
	for i := range a.Objects {
		a.Objects[i].File = src.where(a.Objects[i].File)
	}
	for i := range a.Warnings {
		a.Warnings[i].File = src.where(a.Warnings[i].File)
	}
	return Result{a.Objects, a.Warnings, a.AsksAPIs}, nil
}

func (o *Options) check(chart Chart) error {
	size := 0
	for _, v := range o.Values {
		size += len(v.Text)
	}
	for _, p := range o.Set {
		size += len(p.Name) + len(p.Value)
	}
	if size > maxValues {
		return &Error{Chart: chart.label(), Reason: fmt.Sprintf("the values come to more than %d MiB", maxValues>>20), Hint: "give the chart less, or put large files into the chart"}
	}
	if len(chart.Archive) > MaxChart {
		return &Error{Chart: chart.label(), Reason: fmt.Sprintf("the archive is larger than %d MiB", MaxChart>>20), Hint: "is it a chart?"}
	}
	return nil
}

// crashed explains why a worker ended before it answered, from what the Go runtime wrote last.
func crashed(chart, stderr string) *Error {
	switch {
	case strings.Contains(stderr, "stack overflow"):
		return &Error{Chart: chart, Reason: "the templates call themselves without end", Hint: "does tpl or include lead back to itself, or a dict contain itself?"}
	case outOfMemory.MatchString(stderr):
		return &Error{Chart: chart, Reason: fmt.Sprintf("rendering took more than the %d MiB of memory that a chart may take", MaxMemory>>20), Hint: "does a template repeat something without end? Otherwise split the chart"}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if first == "" {
		first = "it said nothing"
	}
	return &Error{Chart: chart, Reason: "the process that renders charts ended: " + first, Hint: "was it killed? The machine may be short of memory; the next change renders again", Transient: true}
}

var outOfMemory = regexp.MustCompile(`out of memory|cannot allocate memory|makeslice|allocation size out of range|failed to create new OS thread|pthread_create failed`)

// tooSlow tells of a render that was stopped; deadline says that our own bound did it.
func tooSlow(ctx context.Context, chart string) error {
	if errors.Is(context.Cause(ctx), errTime) {
		return &Error{Chart: chart, Reason: fmt.Sprintf("did not render within %s", maxTime), Hint: "does a template loop without end?"}
	}
	return fmt.Errorf("render chart %s: %w", chart, ctx.Err())
}

var errTime = errors.New("the time for one render is over")
