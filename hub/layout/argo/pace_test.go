package argo

import (
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/argotest"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// manifests are what the Applications deliver.
var manifests = map[string]string{"apps/web/cm.yaml": "# manifests\n"}

// paced plans the cluster eu with objects below fleet/, as one document each, and gives its apps by the names of their
// Applications.
func paced(t *testing.T, unautomated bool, central ...string) map[string]model.App {
	t.Helper()
	p := argotest.Plan(t, strings.Join(central, "---\n"), manifests)
	p.Unautomated = unautomated
	r := Dialect{}.Open(p)
	for _, o := range p.Objects() {
		o.App = ""
		r.Learn(o)
	}
	made, err := r.Expand(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(p.Objects())
	for _, d := range made {
		o := argotest.Object(t, string(d.JSON))
		o.Declaration = d
		all = append(all, o)
	}
	out := map[string]model.App{}
	for _, o := range all {
		var app model.App
		if is, err := r.Read(o, &app); is {
			if err != nil {
				t.Fatal(err)
			}
			out[o.Name] = app
		}
	}
	return out
}

const (
	shopProject = "kind: AppProject\nmetadata: {name: shop}\nspec:\n  syncWindows:\n" +
		"  - {kind: deny, schedule: '0 22 * * *', duration: 1h, applications: ['web*']}\n" +
		"  - {kind: deny, schedule: '0 23 * * *', duration: 1h, namespaces: [db]}\n"
	stepsOfTwo = "kind: ApplicationSet\nmetadata: {name: set}\nspec:\n  generators:\n  - list: {elements: [{app: web, " +
		"env: dev}, {app: api, env: prod}, {app: other, env: none}]}\n  strategy: {type: RollingSync, rollingSync: {steps: " +
		"[{matchExpressions: [{key: env, operator: In, values: [dev]}]}, {matchExpressions: [{key: env, operator: In, " +
		"values: [prod]}]}]}}\n  template:\n    metadata: {name: '{{app}}', labels: {env: '{{env}}'}}\n    spec:\n" +
		"      project: shop\n      destination: {name: eu, namespace: shop}\n" +
		"      source: {repoURL: https://github.com/org/fleet, path: apps/web}\n"
)

// applicationOf is an Application of a project, synced by itself.
func applicationOf(name, project, namespace string) string {
	return "kind: Application\nmetadata: {name: " + name + "}\nspec:\n  project: " + project +
		"\n  destination: {name: eu, namespace: " + namespace + "}\n  syncPolicy: {automated: {}}\n" +
		"  source: {repoURL: https://github.com/org/fleet, path: apps/web}\n"
}

func TestApplicationsNameThePoliciesOfTheirProject(t *testing.T) {
	t.Parallel()
	apps := paced(t, false, shopProject, applicationOf("web", "shop", "shop"), applicationOf("web-db", "shop", "db"),
		applicationOf("api", "shop", "shop"), applicationOf("web-2", "other", "shop"), applicationOf("web-3", "''", "db"))
	for name, want := range map[string]string{"web": "project--shop--1", "web-db": "project--shop", "api": "", "web-2": "",
		"web-3": ""} {
		if got := apps[name].Policies; got != (model.Policies{Windows: want}) {
			t.Errorf("%s names %+v, want %q", name, got, want)
		}
	}
	apps = paced(t, false, strings.Replace(shopProject, "shop", "default", 1), applicationOf("web", "''", "shop"))
	if got := apps["web"].Policies.Windows; got != "project--default--1" {
		t.Errorf("without a project it names %q", got)
	}
	// What Argo CD does not take: what was followed before goes on.
	apps = paced(t, false, strings.Replace(shopProject, "0 22 * * *", "0 22", 1), applicationOf("api", "shop", "shop"))
	if got := apps["api"].Policies.Windows; got != model.PolicyUnclear {
		t.Errorf("of windows that cannot be read it names %q", got)
	}
	apps = paced(t, false, strings.Replace(shopProject, "0 22 * * *", "@every 1h", 1),
		applicationOf("web", "shop", "shop"))
	if got := apps["web"].Policies.Windows; got != "" {
		t.Errorf("of windows that are not followed it names %q", got)
	}
}

// Steps release what they are for, automated or not; what no step is for waits for a person, as in Argo CD.
func TestApplicationsNameThePolicyOfTheirStep(t *testing.T) {
	t.Parallel()
	noted := func(app model.App, text string) bool {
		return slices.ContainsFunc(app.Notes, func(n fleet.Note) bool { return n.Text == text })
	}
	apps := paced(t, false, stepsOfTwo, shopProject)
	for name, want := range map[string]model.Policies{"web": {Step: "appset--set--1", Windows: "project--shop--1"},
		"api": {Step: "appset--set--2"}} {
		if got := apps[name]; got.Policies != want || got.Manual != "" || noted(got, byHand) {
			t.Errorf("%s names %+v, is by hand %q, with %v", name, got.Policies, got.Manual, got.Notes)
		}
	}
	if other := apps["other"]; other.Policies.Step != "" || other.Manual != "ApplicationSet argocd/set" ||
		!noted(other, byNoStep) {
		t.Errorf("other names %+v, is by hand %q, with %v", other.Policies, other.Manual, other.Notes)
	}
	if other := paced(t, true, stepsOfTwo)["other"]; other.Manual != "" {
		t.Errorf("with --deliver-unautomated it waits for a person: %q", other.Manual)
	}
	apps = paced(t, false, strings.Replace(stepsOfTwo, "operator: In", "operator: Like", 1))
	if web := apps["web"]; web.Policies.Step != model.PolicyUnclear || web.Manual == "" {
		t.Errorf("of steps that cannot be read web names %+v, and is by hand %q", web.Policies, web.Manual)
	}
}

// Objects that do not stand below fleet/ say nothing of how changes reach clusters.
func TestOnlyWhatStandsBelowFleetIsAPolicy(t *testing.T) {
	t.Parallel()
	p := argotest.Plan(t, shopProject+"---\n"+applicationOf("web", "shop", "shop"), manifests)
	r := Dialect{}.Open(p)
	var app model.App
	for _, o := range p.Objects() {
		r.Learn(o)
	}
	o := p.Object(planning.ObjectKey("Application", "argocd", "web"))
	if _, err := r.Read(o, &app); err != nil || app.Policies != (model.Policies{}) {
		t.Errorf("it names %+v, %v", app.Policies, err)
	}
}
