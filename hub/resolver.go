package hub

import (
	"context"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
	"github.com/drover-dev/drover/protocol"
)

// Resolving turns revisions into what each cluster is to run, as the loop needs it. It is for one goroutine.
type Resolving interface {
	Revisions
	Background
	Blobs
	Remembering
}

// Revisions reads revisions, see Resolving.
type Revisions interface {
	Clusters(snap model.View) (resolve.Listing, error)
	// Refresh reads the apps for many clusters: once for a revision.
	Refresh(ctx context.Context, snap model.Snapshot, before *resolve.Fleet) (*resolve.Fleet, error)
	// Resolve says what a cluster is to run; ErrPending that its folder is being built.
	Resolve(ctx context.Context, snap model.Snapshot, ask resolve.Request) (resolve.Resolution, error)
	// Reselected says whether the apps for many clusters give a cluster anything else than when it was resolved.
	Reselected(f *resolve.Fleet, res *resolve.Resolution) bool
}

// Background tells of renders that finish beside the loop, see Resolving.
type Background interface {
	Finished() <-chan struct{}
	Take() (clusters []string)
	Close()
}

// Blobs gives what was rendered, see Resolving.
type Blobs interface {
	// Blob gives a blob as it is published.
	Blob(ref protocol.Blob) ([]byte, error)
	// Objects gives the objects of a blob as they are rendered.
	Objects(ref protocol.Blob) ([]model.Rendered, error)
	// Contents are the objects that an agent keeps of a blob. They are not to be changed.
	Contents(ref protocol.Blob) ([]deletions.Owned, error)
}

// Remembering keeps what was rendered, see Resolving.
type Remembering interface {
	// Flush gives save what the store has yet to be told.
	Flush(save func(resolve.Unsaved) error) error
	// Crowded says that it is time to call Sweep.
	Crowded() bool
	// Sweep forgets what nothing asks for, and gives the keys and the blobs that the store is to keep.
	Sweep(resolved map[string]*resolve.Resolution, blobs map[string]bool) (keys map[string]bool)
}

// Following keeps sources beside the repository up to date.
type Following interface {
	// Moved gives the keys of sources that are at another revision, or in another state.
	Moved() <-chan string
	// Retain ends the sources that are not used any more.
	Retain(used func(key string) bool)
	// States tells how all sources are, sorted.
	States() []fetch.SourceState
}
