package planning

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// FleetRoot is the folder with the Apps that are for many clusters.
const FleetRoot = "fleet"

// ClusterFile is the file in a cluster's folder that describes the cluster itself.
const ClusterFile = "cluster.yaml"

// MaxDepth is how deep apps may declare apps, and sources be made of sources.
const MaxDepth = 12

// MaxApps is how many apps a cluster may have.
const MaxApps = 5000

// Plan is what a cluster declares, and the apps that this comes to, while it is being made.
type Plan struct {
	Tree    model.Tree
	Folder  string // the cluster's own, from the root of the repository
	Cluster model.Cluster
	Apps    map[string]model.App
	Known   []string // addresses of the repository
	Doubted []string // addresses that may be the repository's, of which none is taken for it
	Branch  string   // that is followed; "" if it is not known
	// Boundaries are the declared projects.
	Boundaries []Boundary
	Needs      []model.Needed
	// Artifacts are addresses in registries to which the repository is pushed.
	Artifacts []string
	// Unautomated is that of model.Declarations.
	Unautomated bool

	// AsProject is that of model.Declarations, and Flux with what the cluster says itself.
	AsProject string
	Flux      model.FluxLockdown

	parties precedence
	fleet   func() ([]model.Cluster, error)
	objects []*Object // all that dialects declare, sorted; each once
	byKey   map[string]*Object
}

// NewPlan begins a plan for a cluster whose folder was read. clusters reads all clusters of the fleet.
func NewPlan(tree model.Tree, folder string, in model.Declarations, clusters func() ([]model.Cluster, error)) *Plan {
	p := &Plan{Tree: tree, Folder: folder, Cluster: in.Cluster, Apps: map[string]model.App{}, fleet: clusters,
		Known: slices.Clone(in.Repository), Branch: in.Branch, Unautomated: in.Unautomated, AsProject: in.AsProject,
		Flux: in.Cluster.Flux.Or(in.Flux), byKey: map[string]*Object{},
		parties: precedence{of: in.Parties, bounds: in.Bounds, held: in.Held, faults: map[string][]string{}}}
	p.Cluster.Problems, p.Cluster.Notes = slices.Clone(in.Cluster.Problems), slices.Clone(in.Cluster.Notes)
	for _, a := range in.Cluster.Apps {
		p.Apps[a.Name] = a
	}
	return p
}

// Fleet reads all clusters of the fleet, which costs a read of each one's file.
func (p *Plan) Fleet() ([]model.Cluster, error) { return p.fleet() }

// Objects are all declared objects, sorted by their keys.
func (p *Plan) Objects() []*Object { return p.objects }

// Object is the object of a key; nil if none is declared.
func (p *Plan) Object(key string) *Object { return p.byKey[key] }

// Add takes in a declared object. One that is declared already with the same rights is noted on the first: as a rival
// where it says something else. Of two that are declared with different rights one alone counts, see Precedes.
func (p *Plan) Add(o *Object) {
	first, ok := p.byKey[o.Key()]
	switch {
	case !ok:
		p.byKey[o.Key()] = o
		p.objects = append(p.objects, o)
	case p.Precedes(o.App, first.App, o.Key(), o.Namespace):
		p.byKey[o.Key()] = o
		p.objects[slices.Index(p.objects, first)] = o
		for _, lost := range append(first.Rivals, first) {
			p.lose(lost, o)
		}
	case p.Party(o.App) != p.Party(first.App):
		p.lose(o, first)
	case string(first.JSON) != string(o.JSON):
		first.Clash = o.Where()
		first.Rivals = append(first.Rivals, o)
	default:
		first.Again = append(first.Again, o.App)
	}
}

// Sort orders the objects by their keys.
func (p *Plan) Sort() {
	slices.SortFunc(p.objects, func(a, b *Object) int { return strings.Compare(a.Key(), b.Key()) })
}

// Own says whether a path is the cluster's own folder.
func (p *Plan) Own(name string) bool { return Cleaned(name) == p.Folder }

// AppOf is the name of the app that an object is: the cluster's own folder is the root app.
func (p *Plan) AppOf(o *Object) string {
	if _, ok := p.Apps[o.AppName]; !ok {
		return model.RootApp
	}
	return o.AppName
}

// IsRepository says whether an address is one of the repository that the hub follows.
func (p *Plan) IsRepository(url string) bool {
	return slices.ContainsFunc(p.Known, func(known string) bool { return SameRepository(known, url) })
}

// IsArtifact says whether an address in a registry is one to which the repository that the hub follows is pushed.
func (p *Plan) IsArtifact(url string) bool {
	return slices.ContainsFunc(p.Artifacts, func(known string) bool { return SameRepository(known, url) })
}

// Problem adds a problem of the cluster, once. Where there is one, nothing is pruned.
func (p *Plan) Problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.Cluster.Problems, text) {
		p.Cluster.Problems = append(p.Cluster.Problems, text)
	}
}

// NoteOnce adds a note on the cluster as a whole.
func (p *Plan) NoteOnce(n fleet.Note) {
	if !slices.Contains(p.Cluster.Notes, n) {
		p.Cluster.Notes = append(p.Cluster.Notes, n)
	}
}

// Errorf places a message at a field of a declared object.
func (p *Plan) Errorf(o *Object, at, format string, args ...any) error {
	return errors.New(p.Note(o, at, fmt.Sprintf(format, args...)).String())
}

// Note places a text at a field of a declared object.
func (p *Plan) Note(o *Object, at, text string) fleet.Note {
	return fleet.Note{File: o.Where(), Line: p.Line(o, at), Object: o.String(), Field: at, Text: text}
}

// Line finds the line on which a field of an object stands in the file that the object comes from; 0 if it cannot be
// found, since a kustomization may have made the object otherwise than it was written.
func (p *Plan) Line(o *Object, at string) int {
	if n := p.source(o); n != nil {
		return document.LineAt(n, at)
	}
	return 0
}

// written is a field of an object as the file has it that the object comes from; "" if it cannot be found.
func (p *Plan) written(o *Object, at string) string {
	if n := p.source(o); n != nil {
		return document.Scalar(document.NodeAt(n, at))
	}
	return ""
}

// source is the document that an object comes from; nil if it cannot be found.
func (p *Plan) source(o *Object) *yaml.Node {
	if o.File == "" {
		return nil
	}
	data, err := p.Tree.ReadFile(o.File)
	if err != nil {
		return nil
	}
	docs, _ := document.Parse(o.File, data) // what is broken in it, the build has said
	for _, d := range docs {
		for _, item := range d.Items() {
			if document.Scalar(document.Field(item.Node, "kind")) == o.Kind && item.Name() == o.Name {
				return item.Node
			}
		}
	}
	return nil
}

// Weigh names what an object asks for and Drover does not do, by the table of its dialect. What cannot be left out is an
// error.
func (p *Plan) Weigh(table Table, o *Object, notes *[]fleet.Note) error {
	var errs []error
	for _, a := range table.judge(o.Kind, o.Spec) {
		if a.Support == Refused {
			errs = append(errs, p.Errorf(o, a.path, "%s", a.Says))
			continue
		}
		if n := p.Note(o, a.path, a.Says); !slices.Contains(*notes, n) {
			*notes = append(*notes, n)
		}
	}
	return errors.Join(errs...)
}

// Clashes is the error of an object that is declared elsewhere as well, and otherwise; nil if it is not.
func (p *Plan) Clashes(o *Object) error {
	if o.Clash == "" {
		return nil
	}
	return p.Errorf(o, "", "it is declared in %s as well, and otherwise: keep one", o.Clash)
}

// Cleaned is a path as Flux takes it: seen from the root of the source, above which nothing leads
// (kustomize-controller uses securejoin.SecureJoin).
func Cleaned(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name == "" {
		return "."
	}
	return name
}

// FieldAt names an item of a list, as spec.sources[1].
func FieldAt(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
