package hub

import (
	"context"

	"github.com/drover-dev/drover/fleet"
)

// Layout knows what the folders of a repository mean.
type Layout interface {
	// Clusters lists the clusters that have a folder, sorted, and what is wrong with folders that
	// cannot be one. An error means that nobody can say which clusters there are: nothing may follow
	// from it.
	Clusters(tree Tree) (names, problems []string, err error)
	// Read says what the folder of a cluster asks for. It returns an error only where the tree could not
	// be read; what is wrong with the folder's content is in the result.
	Read(ctx context.Context, tree Tree, name string) (Folder, error)
}

// Folder is one cluster's folder, read.
type Folder struct {
	Cluster fleet.Cluster
	// Root are the objects of the root app: everything in the folder that declares no App. Where the
	// root app has an Err, they are not known.
	Root []Rendered
}
