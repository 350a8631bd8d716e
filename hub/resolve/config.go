package resolve

import (
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// Config is what a Resolver works with.
type Config struct {
	Layout     model.Layout
	Renderer   model.Renderer
	Substitute Substitute
	Store      Memos
	Secret     []byte       // the fleet's, see protocol.SealBlob
	Repository []string     // addresses of the repository, by which files in it may name it
	Charts     model.Charts // for apps that are charts; nil: such apps have an error
	Sources    Sources      // for apps that are not in the repository; nil: such apps have an error
	Keys       model.Keys   // of the hub; nil: apps are shown as if it had those that their projects permit
	// NoRemoteBases has nothing fetched that kustomizations name by its address: apps with such have an error.
	NoRemoteBases bool
	// Ignore leaves out of a view what the source's SourceIgnore and Ignore say.
	Ignore func(model.View, model.Source) (model.View, error)
	// Hide shows what a part's Hide leaves of the repository that is followed.
	Hide    func(model.Tree, model.Hide) model.Tree
	Ignored model.Ignore // for apps with ignore rules; nil: such apps have an error
	// Background renders charts and folders in goroutines of their own. What has not finished is pending, and Finished
	// tells when it has. Without it, they are rendered while their app is resolved.
	Background bool
	// Moment is how long the caller's own goroutine waits for a render that has just begun, in the background, before
	// the app is pending; 0 for 30 ms. Tests that count bundles give it more.
	Moment time.Duration
	// Unautomated: Applications of Argo CD without spec.syncPolicy.automated are delivered like all others; otherwise a
	// person releases them.
	Unautomated bool
	// Flux is how what is written for Flux is locked down in every cluster.
	Flux    model.FluxLockdown
	Plugins string // digest of the renderer plugins that are configured; "" for none
	// AsProject has all apps but the root app be in the project of this name; "" has them be where they are.
	AsProject string
}

// Facts are what is known of a cluster beside the repository.
type Facts struct {
	Kubernetes string   // the version that it runs; "" if that is not known
	APIs       []string // what its API server serves, as protocol.Report.APIs has it; empty if that is not known
}

// Request asks what one cluster is to run.
type Request struct {
	Site  model.Site // of the cluster, as Clusters listed it at the same revision
	Fleet *Fleet     // the apps for many clusters, as Refresh read them at the same revision
	Facts Facts
	// Last are the apps that it was told to run before, for deciding between two that claim the same object; nil if
	// that is not known.
	Last     []protocol.App
	Patience *Patience // for renders in the background; nil has none
}
