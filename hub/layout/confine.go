package layout

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/protocol"
)

// isProject says whether a document is a Project of Drover.
func isProject(d document.Document) bool {
	return d.IsOurs() && document.Scalar(document.Field(d.Node, "kind")) == native.KindProject
}

// takeProject takes a Project that is declared.
func (p *planner) takeProject(d model.Declaration, doc document.Document) {
	read, err := native.ReadProject(native.Written(p.Tree, doc))
	b := planning.Boundary{
		Project: read,
		App:     d.App,
		Object:  protocol.ObjectRef{Group: native.NativeGroup.Name, Kind: native.KindProject, Name: read.Name},
	}
	if err != nil {
		b.Wrong = err.Error()
	}
	p.Bound(b)
}

// confine puts apps into the projects that they name, and refuses what those do not permit.
func (p *planner) confine() {
	c := confinement{planner: p, by: map[string]*planning.Object{}, projects: map[string]*planning.Boundary{}}
	for _, o := range p.Objects() {
		if o.AppName != "" {
			c.by[o.AppName] = o
		}
	}
	c.accept()
	for _, name := range slices.Sorted(maps.Keys(p.Apps)) {
		app := p.Apps[name]
		c.confine(&app)
		p.Apps[name] = app
	}
}

// confinement is confine at work.
type confinement struct {
	*planner
	by       map[string]*planning.Object // the objects that declare apps
	projects map[string]*planning.Boundary
}

// cluster is how projects may name the cluster, as it is seen from where an app is declared.
func (c *confinement) cluster(app string) project.Cluster {
	o := c.by[app]
	return destination.InProjects(c.planner.Cluster, o == nil || !o.Central())
}

// accept decides which declared projects count: those below FleetRoot and of the cluster's own folder, and then those
// of
// apps that are held to no service account and whose own project permits such an object. Of two that differ the one
// that comes first in this order counts; two of one rank count both as unreadable.
func (c *confinement) accept() {
	var open []planning.Boundary
	for _, b := range c.Boundaries {
		if b.App != "" && b.App != model.RootApp {
			open = append(open, b)
			continue
		}
		if b.Wrong != "" {
			c.Problem("%s", b.Wrong)
		}
		c.count(b)
	}
	for moved := true; moved; {
		first := maps.Clone(c.projects) // those of one rank are equal
		var rest []planning.Boundary
		for _, b := range open {
			_, taken := first[b.Name]
			switch may := c.mayDeclare(b); {
			case may && !taken:
				c.count(b)
			case !may:
				rest = append(rest, b)
			}
		}
		moved, open = len(rest) < len(open), rest
	}
	for _, b := range open {
		if app, ok := c.Apps[b.App]; ok {
			app.Notes = append(app.Notes, fleet.Note{File: b.Where, Object: b.Object.Kind + " " + b.Name,
				Text: "left out: the app " + b.App + ", which declares it, is held to a service account or to a project that does not permit it: " +
					"declare it in the cluster's folder or below " + planning.FleetRoot + "/"})
			c.Apps[b.App] = app
		}
	}
}

// count takes a project. One that is declared twice alike is one.
func (c *confinement) count(b planning.Boundary) {
	was, twice := c.projects[b.Name]
	if !twice {
		c.projects[b.Name] = &b
		return
	}
	if was.Wrong == "" && !alike(was.Project, b.Project) {
		was.Wrong = fmt.Sprintf(
			"%s: the project %s is declared in %s as well, and otherwise: keep one",
			was.Where,
			b.Name,
			b.Where,
		)
	}
}

// alike says whether two projects say the same, wherever they stand.
func alike(a, b project.Project) bool {
	a.Where, b.Where = "", ""
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	return string(left) == string(right)
}

// mayDeclare says whether an app may declare a project. No app between it and the folder may be held to an account.
func (c *confinement) mayDeclare(b planning.Boundary) bool {
	for depth, name := 0, b.App; name != ""; depth++ {
		app, ok := c.Apps[name]
		if !ok || app.Handling.ServiceAccount != "" || depth > planning.MaxDepth {
			return false
		}
		if named := cmp.Or(app.Project, project.Default); named != project.Default {
			holds := c.projects[named]
			if holds == nil || !c.permits(b.App, holds, b.Object) {
				return false
			}
		}
		name = app.Parent
	}
	return true
}

// permits says whether a project permits an object of an app in the cluster.
func (c *confinement) permits(app string, b *planning.Boundary, o protocol.ObjectRef) bool {
	return b.Wrong == "" && b.Project.Object(o) && (o.Namespace == "" || b.Namespace(c.cluster(app), o.Namespace))
}

// confine puts an app into its project.
func (c *confinement) confine(app *model.App) {
	name, err := c.projectOf(app)
	if err == "" {
		err = c.hold(app, name)
	}
	if app.Err == "" && err != "" {
		app.Err = app.File + ": " + err
	}
}

// projectOf is the project that counts for an app: what it names itself, unless an app that declares it is in one
// that
// does not let it declare apps of others.
func (c *confinement) projectOf(app *model.App) (name, err string) {
	name = cmp.Or(app.Project, project.Default)
	for depth, parent := 0, app.Parent; parent != "" && depth <= planning.MaxDepth; depth++ {
		above, ok := c.Apps[parent]
		if !ok {
			break
		}
		in := cmp.Or(above.Project, project.Default)
		holds := c.projects[in]
		switch o := c.by[app.Name]; {
		case in == project.Default && holds == nil: // it bounds nothing
		case holds != nil && o != nil && o.Home != "" && o.Namespace == o.Home && c.permits(parent, holds, protocol.ObjectRef{Group: o.Group, Kind: o.Kind,
			Namespace: o.Namespace, Name: o.Name}): // as an administrator of the tool may
		case app.Project == "":
			return in, ""
		case app.Project != in:
			return in, fmt.Sprintf(
				"the app %s names the project %s, and the app %s, which declares it, is in %s: what a project's apps declare "+
					"is in the same project; name that, or declare the app where no project is named",
				app.Name,
				app.Project,
				parent,
				in,
			)
		}
		parent = above.Parent
	}
	return name, ""
}

// hold refuses an app what its project does not permit.
func (c *confinement) hold(app *model.App, name string) string {
	b := c.projects[name]
	switch {
	case b == nil && name == project.Default:
		return ""
	case b == nil && (!app.Foreign || len(c.projects) > 0):
		return fmt.Sprintf(
			"the app %s is in the project %s, and nothing that counts declares it: declare it in the cluster's folder or below %s/, or correct spec.project",
			app.Name,
			name,
			planning.FleetRoot,
		)
	case b == nil:
		app.Notes = append(app.Notes, fleet.Note{File: app.File, Object: app.Name, Field: "spec.project",
			Text: "the project " + name + " is not declared in this repository, so nothing bounds the app: add its AppProject to the files that Drover reads"})
		return ""
	case b.Wrong != "":
		return fmt.Sprintf("the app %s is in the project %s, which cannot be read: %s", app.Name, name, b.Wrong)
	case len(b.Unkept) > 0:
		return fmt.Sprintf(
			"the app %s is in the project %s (%s), which asks for what Drover does not do, so nothing new of its apps is delivered: %s",
			app.Name,
			name,
			b.Where,
			strings.Join(b.Unkept, "; "),
		)
	}
	on := c.cluster(app.Name)
	app.Bounds = &project.Bounds{Project: b.Project, Cluster: on}
	if account := b.Account(on, cmp.Or(app.Namespace, defaultNamespace)); account != "" {
		if own := app.Handling.ServiceAccount; own != "" && own != account {
			return fmt.Sprintf(
				"the app %s names the service account %s, and those of its project %s (%s) have %s: name that, or none",
				app.Name,
				own,
				name,
				b.Where,
				account,
			)
		}
		app.Handling.ServiceAccount = account
	}
	if wrong := c.refusals(app, b, on); len(wrong) > 0 {
		return fmt.Sprintf(
			"the project %s (%s) does not permit the app %s %s: change the app, or what the project permits",
			name,
			b.Where,
			app.Name,
			strings.Join(wrong, ", "),
		)
	}
	return ""
}

// refusals are what of an app its project does not permit, as far as it is known before it is rendered.
func (c *confinement) refusals(app *model.App, b *planning.Boundary, on project.Cluster) []string {
	var out []string
	if o := c.by[app.Name]; o != nil && o.Home != "" && o.Namespace != o.Home && len(b.AppNamespaces) > 0 &&
		!b.Declares(o.Namespace) {
		out = append(out, "to be declared in the namespace "+o.Namespace)
	}
	for _, part := range app.Parts() {
		if part.Source == nil && part.Path != "" && !b.Folder(part.Path, c.Known) {
			out = append(out, "the folder "+part.Path)
		}
	}
	for _, s := range app.Sources() {
		if s.Kind == model.SourceComposed || s.Kind == model.SourceFollowed {
			continue
		}
		if !b.Source(s.URL) {
			out = append(out, "the source "+model.WithoutUser(s.URL))
		}
		if s.Credentials != "" && !b.Credential(s.Credentials) {
			out = append(out, "the credential "+s.Credentials)
		}
	}
	switch ns := app.Namespace; {
	case ns == "" && !b.Cluster(on):
		out = append(out, "the cluster "+c.planner.Cluster.Name)
	case ns != "" && !b.Namespace(on, ns):
		out = append(out, fmt.Sprintf("the namespace %s of the cluster %s", ns, c.planner.Cluster.Name))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
