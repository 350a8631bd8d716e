package model

import (
	"context"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// Rendered is one object as a renderer gives it: canonical JSON (object keys sorted, no
// insignificant space, no newline), with the file it comes from where that is known.
type Rendered struct {
	JSON []byte
	File string // repository path of the file that first declared the object; "" if unknown
	Err  string `json:",omitempty"` // of what declares an app: why it cannot be known what it says
	// Opaque are the tokens in what declares a chart, which stand for values that the cluster alone has.
	Opaque []protocol.Opaque `json:",omitempty"`
}

// Renderer builds the objects of one folder.
type Renderer interface {
	// Build renders dir, reading nothing but tree. The result depends only on what was read
	// (and looked for and not found), so that it may be remembered. Errors name the file, the line where one
	// is known, and what to do. An *InflationError or a *NeededError says what the build needs to be tried again with.
	Build(ctx context.Context, tree Tree, dir string, opts BuildOptions) ([]Rendered, error)
}

// BuildOptions are what an app may ask of a build beyond its folder. The zero value asks nothing.
type BuildOptions struct {
	Overlay Overlay `json:"overlay,omitzero"`
	// Skip names files and folders (repository paths) that a plain folder's build leaves out, such as
	// the cluster.yaml of a cluster's folder.
	Skip []string `json:"skip,omitempty"`
	// Directory has the folder read as plain manifests, without kustomize; nil if it is not to be.
	Directory *Directory `json:"directory,omitempty"`
	// Inflated are rendered charts that kustomizations name, by Inflation.Key.
	Inflated map[string][]Rendered `json:"inflated,omitempty"`
	// Plugin has a renderer plugin render the folder; nil does not.
	Plugin *Plugin `json:"plugin,omitempty"`
}

// Capabilities are what a chart may know of its cluster.
type Capabilities struct {
	Kubernetes string   // version that the cluster reported; "" if it is not known
	APIs       []string // what its API server serves, as protocol.Report.APIs has it; empty if that is not known
	Asked      func()   // called if the outcome depends on APIs
}

// Charts renders Helm charts.
type Charts interface {
	// RenderChart renders the chart of an app, reading nothing but tree. Like Renderer.Build it depends only on what
	// was read and on its arguments. replace, unless nil, is given the values (an object that holds them) to replace
	// variables in. The notes say what of the chart is not done. An error that another try may not have is a
	// *TransientError.
	RenderChart(ctx context.Context, tree Tree, app App, on Capabilities,
		replace func(Rendered) (Rendered, error)) ([]Rendered, []fleet.Note, error)
}

// TransientError is a failure that another try may not have, although nothing in the tree changes.
type TransientError struct{ Err error }

// Error implements error.
func (e *TransientError) Error() string { return e.Err.Error() }

// Unwrap gives the failure itself.
func (e *TransientError) Unwrap() error { return e.Err }
