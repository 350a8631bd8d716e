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
	"github.com/drover-dev/drover/hub/model"
)

// takeNative takes an App that an app declares.
func (p *planner) takeNative(d model.Declaration) {
	docs, err := document.Parse(d.File, d.JSON)
	if err != nil || len(docs) != 1 {
		p.Problem("%s: an object that cannot be read: %v", d.File, err)
		return
	}
	doc := docs[0]
	doc.Rendered = true
	if says := p.layout.lookalike(document.Scalar(document.Field(doc.Node, "apiVersion")),
		document.Scalar(document.Field(doc.Node, "kind"))); says != "" {
		p.Problem("%s: %s in the app %s: %s", d.File, doc.Name(), d.App, says)
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
	default:
		p.Problem("%s: %s %s in the app %s: only Apps and Projects may be declared by an app", d.File, kind, doc.Name(), d.App)
		return
	}
	app, err := native.ReadApp(p.Tree, doc)
	if err != nil {
		err = native.InSource(p.Tree, doc, err)
	}
	if app.Name == "" {
		p.Problem("%v", err)
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
	if prev, ok := p.Apps[app.Name]; ok {
		if prev.Parent = app.Parent; equalApps(prev, app) {
			return
		}
		app.Err = fmt.Sprintf("the app %s is declared in %s and in %s: rename or remove one", app.Name,
			p.Apps[app.Name].File, app.File)
		app.Parent = p.Apps[app.Name].Parent
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
