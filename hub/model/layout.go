package model

import (
	"context"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/hub/trust"
)

// Layout knows what the folders of a repository mean.
type Layout interface {
	Folders
	FleetApps
	Planner
}

// Folders reads the folders of clusters.
type Folders interface {
	// Clusters lists the clusters that have a folder. An error means that nobody can say which clusters there are:
	// nothing may follow from it.
	Clusters(tree Tree) (Sites, error)
	// Read says what the folder of a cluster asks for. It returns an error only where the tree could not
	// be read, or the site is wrong; what is wrong with the folder's content is in the result. With a *NeededError the
	// folder is given as well, as far as it can be known without; what cannot be is put down to that error, in its words.
	Read(ctx context.Context, tree Tree, site Site) (Folder, error)
}

// Sites are the clusters of a revision.
type Sites struct {
	Sites []Site // sorted by name, of which each is once
	// Unknown are folders of clusters whose names cannot be known. While there are some, a cluster that is not among Sites
	// may be one of them.
	Unknown []Site
}

// Site is where a cluster is described.
type Site struct {
	Name   string // of the cluster; "" if it cannot be known
	Folder string // repository path
	Wrong  string // why nobody can say what the cluster is to be; ""
}

// FleetApps reads the apps that are declared once for many clusters.
type FleetApps interface {
	// Fleet reads the apps that are declared once for many clusters, and what is wrong with their files. An error is a
	// *TransientError, and one of the problems as well, or a *NeededError: what is behind it is not among the apps.
	Fleet(ctx context.Context, tree Tree) (apps []Rendered, problems []string, err error)
	// Select gives those of Fleet's apps that are for a cluster, made out for it, and what is wrong with those of
	// which that cannot be told.
	Select(apps []Rendered, cluster Cluster) (selected []Rendered, problems []string)
	// Untaken names those of Fleet's apps that name the cluster they are for, where no cluster is that one.
	Untaken(ctx context.Context, tree Tree, d Declarations) []fleet.Note
}

// Planner plans the apps of a cluster from what it declares.
type Planner interface {
	// Sort sets apart what of rendered objects is for Drover itself and not for the cluster. An error says that the
	// objects cannot be delivered as they are.
	Sort(objects []Rendered) (Sorted, error)
	// Plan says which apps a cluster has, given all that its folder and the renders of its apps declare. Like Read it
	// returns an error only where the tree could not be read, or if ctx is done; with a *TransientError the cluster
	// is given as well, as far as it could be known, with a problem that says what could not.
	Plan(ctx context.Context, tree Tree, d Declarations) (Cluster, error)
}

// Folder is one cluster's folder, read.
type Folder struct {
	Cluster Cluster
	// Root are the objects of the root app: everything in the folder that declares no App. Where the
	// root app has an Err, they are not known.
	Root []Rendered
	// Encrypted and Ciphertext are those of Sorted, of Root.
	Encrypted, Ciphertext string
	// Declared are objects that declare apps, or what apps need. The Apps of plain files are not among them: they are
	// in Cluster already.
	Declared []Rendered
}

// Sorted are rendered objects by whom they are for.
type Sorted struct {
	Objects  []Rendered   // for the cluster
	Declared []Rendered   // for Drover: they declare apps, or what apps need
	Notes    []fleet.Note // on objects that are left out, or that ask for what is not done
	// Encrypted names the first object for the cluster that is encrypted with SOPS, with its file; "" if none is.
	Encrypted string
	// Ciphertext names the first object for the cluster with a value that is encrypted with SOPS and that nothing
	// decrypts, with its file; "" if there is none.
	Ciphertext string
}

// Declarations are all that is known of what a cluster declares.
type Declarations struct {
	Cluster    Cluster // as its folder was read
	Declared   []Declaration
	Branch     string   // that is followed; "" if none is
	Repository []string // addresses of the repository
	// Unautomated: Applications of Argo CD without spec.syncPolicy.automated are delivered like all others.
	Unautomated bool `json:",omitempty"`
	// Flux is how what is written for Flux is locked down in every cluster.
	Flux FluxLockdown `json:",omitzero"`
	// Plugins is the digest of the renderer plugins that are configured; "" for none.
	Plugins string `json:",omitempty"`
	// AsProject has all apps but the root app be in the project of this name; "" has them be where they are.
	AsProject string `json:",omitempty"`
	// Parties are those of the apps that declare something, by app; who is not among them has all rights, as what the
	// cluster's folder declares itself.
	Parties map[string]trust.Party `json:",omitempty"`
	// Bounds are those of the projects of such apps, by app.
	Bounds map[string]*project.Bounds `json:",omitempty"`
	// Held are the service accounts that apps had before, by what declares them, as "Kustomization media/web" or "App web":
	// of two accounts whose apps declare the same, the one that had it keeps it.
	Held map[string]string `json:",omitempty"`
}

// Declaration is an object that declares something, with the app whose render it came out of: the root app for the
// cluster's folder, "" for what is declared for many clusters.
type Declaration struct {
	Rendered
	App string
	Set string `json:",omitempty"` // key of the object whose template it was made of; "" for what is written as it is
}
