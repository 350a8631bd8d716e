package planning

import (
	"context"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// Dialect is one way of declaring what a cluster runs, beside Drover's own: that of Flux, that of Argo CD. It knows
// neither the planner nor other dialects.
type Dialect interface {
	// Kinds says which objects the dialect reads.
	Kinds() Kinds
	// Sort says what a rendered object, which came from a file, is to the dialect.
	Sort(file string, h document.Head) Use
	// Targets says whether an object of the dialect that stands below FleetRoot may be for a cluster. What only other
	// objects can tell is for the Reader.
	Targets(o model.Rendered, cluster model.Cluster) bool
	// Open begins to read what is declared for one cluster.
	Open(p *Plan) Reader
}

// Reader reads the objects of a dialect for one plan. The planner calls Learn for each object, Expand once, Read for each
// object, also for those that Expand added, and then Conclude once.
type Reader interface {
	// Learn takes from an object what others have to know before any is read, such as the addresses of the repository.
	Learn(o *Object)
	// Expand gives the objects that others stand for: Applications of an ApplicationSet, or one object for each of
	// several apps that a single object declares. What is wrong is a problem of the plan; an error is a
	// *model.TransientError, and what was declared before is kept.
	Expand(ctx context.Context) ([]model.Declaration, error)
	// Read reads the app that an object declares. It is false if the object declares none in this cluster.
	Read(o *Object, app *model.App) (bool, error)
	// Conclude adds what follows from all apps together.
	Conclude()
}

// FileClaimer is a dialect that reads files which are no Kubernetes objects, such as the fleet.yaml of Rancher Fleet.
type FileClaimer interface {
	// Claims says whether a file is the dialect's, by its path.
	Claims(file string) bool
	// Declares gives the objects that such a file stands for. Their lines are not known: name fields instead.
	Declares(file string, docs []document.Document) ([]model.Rendered, error)
}

// Adviser is a dialect whose tool is set up by objects that are not of its kinds.
type Adviser interface {
	// Advise names what a rendered object sets of the tool and Drover does not do.
	Advise(o model.Rendered, h document.Head) []fleet.Note
}

// Destined is a dialect whose objects below FleetRoot name the clusters that they are for.
type Destined interface {
	// Untaken names what is for no cluster of the fleet. The plan has all objects below FleetRoot, and no cluster of
	// its own.
	Untaken(ctx context.Context, p *Plan) []fleet.Note
}

// Pacer is a dialect whose objects below FleetRoot say how changes reach clusters.
type Pacer interface {
	// Policies reads an object as policies of rollouts, which have an Origin: none if it says nothing of that which can be
	// followed. An error says that it cannot be read; then what was read of it before goes on.
	Policies(o model.Rendered) ([]rollout.Policy, error)
}

// FolderClaimer is a FileClaimer whose files say how the folder that they are in is delivered. Such a folder is not
// searched for declarations, and is not delivered with the folder that it is in.
type FolderClaimer interface {
	// ClaimsFolder says whether a folder is the dialect's, by the names of its files.
	ClaimsFolder(files []string) bool
}

// Use is what a rendered object is to a dialect.
type Use int

// What a rendered object may be to a dialect.
const (
	NotMine   Use = iota
	Declares      // it declares apps, or what apps need
	Component     // it is a part of the tool itself, which Drover does not deliver
	LeftOut       // it is for a controller of the tool, and Drover has nothing that does the same
)

// Kinds are the objects that a dialect reads.
type Kinds struct {
	Tool      string // what the dialect is of, as messages name it
	Home      string // the namespace in which the tool lives: an app there has its plain name
	Namespace string // of objects that name none
	Central   bool   // they may stand below FleetRoot
	Groups    []Group
	Fields    Table // of the kinds; what is no field of a kind is not decoded
}

// IsApp says whether objects of a group and a kind declare an app themselves.
func (k Kinds) IsApp(group, kind string) bool {
	return slices.ContainsFunc(k.Groups, func(g Group) bool { return g.Name == group && slices.Contains(g.Apps, kind) })
}

// Declares says whether objects of a group and a kind are read.
func (k Kinds) Declares(group, kind string) bool {
	return slices.ContainsFunc(k.Groups, func(g Group) bool { return g.Name == group && g.Declares(kind) })
}

// Group is an API group of a dialect.
type Group struct {
	Name, Version string   // Version is the one that is read
	Apps          []string // kinds that declare an app
	Others        []string // kinds that lead to apps otherwise
	Closed        bool     // the group has no other kinds: one that is not known is a mistake
	Hint          string   // how files of another version are changed, added to the message that asks for it
	// Resembles says whether another group is probably meant to be this one.
	Resembles func(group string) bool
}

// Known are the kinds of the group by which apps are declared; none for a group of sources.
func (g Group) Known() []string { return slices.Concat(g.Apps, g.Others) }

// Declares says whether objects of a kind in the group are read.
func (g Group) Declares(kind string) bool {
	known := g.Known()
	return g.Closed || len(known) == 0 || slices.Contains(known, kind)
}
