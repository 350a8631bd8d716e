package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/native"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/layout/rights"
	"github.com/drover-dev/drover/hub/model"
)

// takeNative takes an App that an app declares.
func (p *planner) takeNative(d model.Declaration) {
	docs, err := document.Parse(d.File, d.JSON)
	if err != nil || len(docs) != 1 {
		p.Fault(d.App, "%s: an object that cannot be read: %v", d.File, err)
		return
	}
	doc := docs[0]
	doc.Rendered = true
	if says := p.layout.lookalike(document.Scalar(document.Field(doc.Node, "apiVersion")),
		document.Scalar(document.Field(doc.Node, "kind"))); says != "" {
		p.Fault(d.App, "%s: %s in the app %s: %s", d.File, doc.Name(), d.App, says)
		return
	}
	switch kind := document.Scalar(document.Field(doc.Node, "kind")); kind {
	case native.KindProject:
		p.takeProject(d, doc)
		return
	case model.KindApp:
	case native.KindRolloutPolicy:
		p.Problem("%s: RolloutPolicy %s in the app %s: it is for many clusters: move it below %s", d.File, doc.Name(), d.App,
			planning.FleetRoot)
		return
	case rights.KindRole, rights.KindRoleBinding:
		p.Fault(d.App, "in the app %s: %v", d.App, rights.Misplaced(doc))
		return
	default:
		p.Fault(d.App, "%s: %s %s in the app %s: only Apps and Projects may be declared by an app", d.File, kind, doc.Name(), d.App)
		return
	}
	app, err := native.ReadApp(p.Tree, doc)
	if err != nil {
		err = native.InSource(p.Tree, doc, err)
	}
	if app.Name == "" {
		p.Fault(d.App, "%v", err)
		return
	}
	app.Parent = d.App
	if unmade := native.Unresolved(d, p.Cluster, path.Join(p.Folder, planning.ClusterFile)); unmade != nil {
		err = unmade
	}
	if d.Err != "" {
		err = errors.New(d.Err)
	}
	switch {
	case err != nil:
		app.Err = err.Error()
	case p.Cluster.Unclear && app.Substitute:
		app.Err = "the cluster's vars cannot be known, so the app is kept as last published: " +
			"" + strings.Join(p.Cluster.Problems, "; ")
	}
	p.settle(app)
}

// settle takes in an App, which may be declared already. With the same rights, and otherwise, both are wrong; of two that
// are declared with different rights one alone counts, see planning.Plan.Precedes.
func (p *planner) settle(app model.App) {
	prev, twice := p.Apps[app.Name]
	lost := func(loser, winner model.App) {
		p.Fault(loser.Parent, "%s: the app %s: %s", loser.File, app.Name, planning.Outranked(winner.File, p.Party(winner.Parent)))
	}
	switch {
	case !twice && app.Name == model.RootApp && p.Party(app.Parent).Rank() > 0:
		p.Fault(app.Parent, "%s: the name %q is kept for what the cluster's folder holds: choose another", app.File, app.Name)
		return
	case !twice:
	case p.Precedes(app.Parent, prev.Parent, model.KindApp+" "+app.Name, ""):
		lost(prev, app)
	case p.Party(app.Parent) != p.Party(prev.Parent):
		lost(app, prev)
		return
	default:
		was := prev
		if was.Parent = app.Parent; equalApps(was, app) {
			return
		}
		app.Err = fmt.Sprintf("the app %s is declared in %s and in %s: rename or remove one", app.Name, prev.File, app.File)
		app.Parent = prev.Parent
	}
	p.Apps[app.Name] = app
}

// equalApps says whether two declarations of an app say the same, wherever they stand.
func equalApps(a, b model.App) bool {
	a.File, a.DependsAt, b.File, b.DependsAt = "", "", "", ""
	left, _ := json.Marshal(a)
	right, _ := json.Marshal(b)
	return string(left) == string(right)
}
