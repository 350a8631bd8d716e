package flux

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// planOf is the plan of a cluster whose folder renders to some documents: what a planner does before and after the apps
// are read.
func planOf(t *testing.T, in model.Declarations, text string) *planning.Plan {
	t.Helper()
	return planAmong(t, in, nil, text)
}

// planAmong is planOf in a fleet of clusters.
func planAmong(t *testing.T, in model.Declarations, clusters []model.Cluster, text string) *planning.Plan {
	t.Helper()
	p := planning.NewPlan(fstest.MapFS{"apps/web/cm.yaml": {Data: []byte("# manifests\n")},
		"clusters/eu/o.yaml": {Data: []byte(text)}}, "clusters/eu", in, func() ([]model.Cluster, error) {
		return clusters,
			nil
	})
	for doc := range strings.SplitSeq(text, "---\n") {
		data, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var h document.Head
		var spec struct{ Spec map[string]any }
		if err := json.Unmarshal(data, &h); err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(data, &spec) // a spec that is none has no fields
		name := string(h.Metadata.Name)
		p.Add(&planning.Object{Declaration: model.Declaration{App: model.RootApp,
			Rendered: model.Rendered{JSON: data, File: "clusters/eu/o.yaml"}}, Group: h.Group(), Kind: string(h.Kind),
			Namespace: string(h.Metadata.Namespace), Name: name, Spec: spec.Spec, Fields: judged,
			IsApp: kinds.IsApp(h.Group(), string(h.Kind)), Home: home, AppName: name})
	}
	p.Sort()
	r := Dialect{}.Open(p)
	for _, o := range p.Objects() {
		r.Learn(o)
	}
	if more, err := r.Expand(t.Context()); more != nil || err != nil {
		t.Fatal(more, err)
	}
	for _, o := range p.Objects() {
		app := model.App{Name: o.AppName}
		if is, err := r.Read(o, &app); is {
			app.Err = messageOf(err)
			p.Apps[app.Name] = app
		}
	}
	r.Conclude()
	return p
}

// messageOf is an error as text; "" for none.
func messageOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// app is a Kustomization of a name.
func app(name, spec string) string {
	return "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name +
		", namespace: flux-system}\nspec: {path: apps/web, sourceRef: {kind: GitRepository, name: flux-system}" + spec + "}\n"
}

// TestWhatObjectsAreToTheDialect: what declares is read, what is Flux' own is left out, and all else is not touched.
func TestWhatObjectsAreToTheDialect(t *testing.T) {
	t.Parallel()
	const part, instance = "app.kubernetes.io/part-of", "app.kubernetes.io/instance"
	for _, c := range []struct {
		name, file, api, kind string
		labels                map[string]document.Text
		want                  planning.Use
	}{
		{"an app", "x.yaml", "kustomize.toolkit.fluxcd.io/v1", "Kustomization", nil, planning.Declares},
		{"an app of a version that is not read", "x.yaml", "kustomize.toolkit.fluxcd.io/v1beta2", "Kustomization", nil,
			planning.Declares},
		{"a release", "x.yaml", "helm.toolkit.fluxcd.io/v2", "HelmRelease", nil, planning.Declares},
		{"a kind that a closed group does not have", "x.yaml", "helm.toolkit.fluxcd.io/v2", "Helmrelease", nil,
			planning.Declares},
		{"a source", "x.yaml", "source.toolkit.fluxcd.io/v1", "GitRepository", nil, planning.Declares},
		{"a source that is not supported", "x.yaml", "source.toolkit.fluxcd.io/v1", "Bucket", nil, planning.Declares},
		{"a generator", "x.yaml", "source.extensions.fluxcd.io/v1beta1", "ArtifactGenerator", nil, planning.Declares},
		{"of the operator", "x.yaml", "fluxcd.controlplane.io/v1", "ResourceSet", nil, planning.Declares},
		{"of the notification controller", "x.yaml", "notification.toolkit.fluxcd.io/v1beta3", "Alert", nil,
			planning.LeftOut},
		{"of image automation", "x.yaml", "image.toolkit.fluxcd.io/v1", "ImagePolicy", nil, planning.LeftOut},
		{"kustomize's own file", "x.yaml", "kustomize.config.k8s.io/v1beta1", "Kustomization", nil, planning.NotMine},
		{"a group that only ends alike", "x.yaml", "toolkit.fluxcd.io/v1", "Alert", nil, planning.NotMine},
		{"a Deployment", "x.yaml", "apps/v1", "Deployment", nil, planning.NotMine},
		{"a Deployment in the file of Flux", "clusters/eu/gotk-components.yaml", "apps/v1", "Deployment", nil,
			planning.Component},
		{"a Deployment of Flux", "x.yaml", "apps/v1", "Deployment", map[string]document.Text{part: "flux",
			instance: "flux-system"},
			planning.Component},
		{"a Deployment of another instance", "x.yaml", "apps/v1", "Deployment", map[string]document.Text{part: "flux",
			instance: "mine"},
			planning.NotMine},
		{"a Deployment of a part alone", "x.yaml", "apps/v1", "Deployment", map[string]document.Text{part: "flux"},
			planning.NotMine},
		{"nothing at all", "", "", "", nil, planning.NotMine},
	} {
		h := document.Head{APIVersion: document.Text(c.api), Kind: document.Text(c.kind)}
		h.Metadata.Labels = c.labels
		if got := (Dialect{}).Sort(c.file, h); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if (Dialect{}).Targets(model.Rendered{}, model.Cluster{Name: "eu"}) {
		t.Error("something of Flux below fleet/ is for a cluster")
	}
}

// TestGroupsThatResembleThoseOfFlux: Flux 1 and slips of the pen do, other tools' groups do not.
func TestGroupsThatResembleThoseOfFlux(t *testing.T) {
	t.Parallel()
	for group, want := range map[string][2]bool{ // like that of Kustomizations, like that of HelmReleases
		"kustomize.toolkit.fluxcd.io": {true, true}, "helm.fluxcd.io": {true, true}, "kustomize.toolkit.fluxcd.com": {true,
			false},
		"helm.toolkit.flux.io": {false, true}, "kustomize.config.k8s.io": {false, false}, "helm.cattle.io": {false, false},
		"": {false, false}, "fluxcd.io": {true, true}, "FLUXCD.IO": {false, false},
	} {
		for i, own := range []string{kustomizeGroup, helmGroup} {
			if got := resembles(own)(group); got != want[i] {
				t.Errorf("%q resembles %s: %v", group, own, got)
			}
		}
	}
}

// TestTheRepositoryIsLearntFromWhatDeliversTheFolder: of a Kustomization of the cluster's own folder, of a
// FluxInstance,
// or, without either, of the GitRepository that flux bootstrap makes.
func TestTheRepositoryIsLearntFromWhatDeliversTheFolder(t *testing.T) {
	t.Parallel()
	git := func(name, spec string) string {
		return "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: " + name +
			", namespace: flux-system}\nspec: " + spec + "\n"
	}
	instance := func(spec string) string {
		return "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata: {name: flux, namespace: " +
			"flux-system}\nspec: " + spec + "\n"
	}
	own := "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: k, namespace: " +
		"flux-system}\n" +
		"spec: {path: ./clusters/eu/, sourceRef: {kind: GitRepository, name: g}}\n"
	for _, c := range []struct {
		name, text string
		in         model.Declarations
		known      []string
		branch     string
		note       string
	}{
		{name: "the Kustomization of the folder", text: own + "---\n" + git("g", "{url: ssh://a/b, ref: {branch: main}}"),
			known: []string{"ssh://a/b"}, branch: "main"},
		{name: "of a branch by its full name", text: own + "---\n" + git("g",
			"{url: ssh://a/b, ref: {name: refs/heads/next, branch: x}}"),
			known: []string{"ssh://a/b"}, branch: "next"},
		{name: "a branch that is known", text: own + "---\n" + git("g", "{url: ssh://a/b, ref: {branch: main}}"),
			in: model.Declarations{Branch: "prod"}, known: []string{"ssh://a/b"}, branch: "prod"},
		{name: "without an address", text: own + "---\n" + git("g", "{ref: {branch: main}}")},
		{name: "another folder", text: strings.Replace(own, "clusters/eu", "clusters/us", 1) + "---\n" + git("g",
			"{url: ssh://a/b}")},
		{name: "a source that cannot be read", text: own + "---\n" + git("g", "{url: [ssh://a/b]}")},
		{name: "a FluxInstance", text: instance("{sync: {kind: GitRepository, url: 'https://a/b', ref: refs/heads/main, " +
			"path: clusters/eu}}"),
			known: []string{"https://a/b"}, branch: "main",
			note: "FluxInstance flux-system/flux: not delivered: it has the Flux Operator install Flux"},
		{name: "a FluxInstance of another folder", text: instance("{sync: {kind: GitRepository, url: 'https://a/b', " +
			"path: clusters/us}}"),
			note: "what spec.sync names is another folder than this cluster's"},
		{name: "a FluxInstance of an OCI artifact", text: instance("{sync: {kind: OCIRepository, url: 'oci://a/b', " +
			"path: clusters/eu}}"),
			note: "not delivered"},
		{name: "a FluxInstance without an address", text: instance("{sync: {kind: GitRepository, path: clusters/eu}}"),
			note: "not delivered"},
		{name: "a FluxInstance that cannot be read", text: instance("{sync: {kind: GitRepository, url: 7, path: " +
			"clusters/eu}}"),
			note: "not delivered"},
		{name: "bootstrap's own source", text: git("flux-system", "{url: ssh://a/b, ref: {branch: main}}"),
			known:  []string{"ssh://a/b"},
			branch: "main",
			note: "clusters/eu/o.yaml:4: GitRepository flux-system/flux-system: spec.url: it is taken to be this " +
				"repository, as `flux bootstrap` makes it, because nothing says which address this one has"},
		{name: "bootstrap's own source without an address", text: git("flux-system", "{}")},
		{name: "bootstrap's own source, and an address", text: git("flux-system", "{url: ssh://a/b}"),
			in: model.Declarations{Repository: []string{"https://c/d"}}, known: []string{"https://c/d"}},
		{name: "bootstrap's own source, and an address of this machine", text: git("flux-system", "{url: ssh://a/b}"),
			in: model.Declarations{Repository: []string{"/srv/git"}}, known: []string{"/srv/git", "ssh://a/b"},
			note: "taken to be this repository"},
	} {
		p := planOf(t, c.in, c.text)
		if !slices.Equal(p.Known, c.known) || p.Branch != c.branch {
			t.Errorf("%s: %q of branch %q, want %q of %q", c.name, p.Known, p.Branch, c.known, c.branch)
		}
		if all := notesOf(p.Cluster.Notes); c.note == "" && all != "" || !strings.Contains(all, c.note) {
			t.Errorf("%s: notes %s\nwant %s", c.name, all, c.note)
		}
	}
}

func notesOf(notes []fleet.Note) string {
	var all []string
	for _, n := range notes {
		all = append(all, n.String())
	}
	return strings.Join(all, "\n")
}

// TestObjectsOfTheFluxOperator are named once each, and declare nothing.
func TestObjectsOfTheFluxOperator(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"FluxReport": "not delivered: it is for the Flux Operator, and Drover has nothing that does this",
	} {
		p := planOf(t, model.Declarations{}, "apiVersion: fluxcd.controlplane.io/v1\nkind: "+kind+"\nmetadata: {name: "+
			"a, namespace: b}\n")
		if len(p.Apps) != 0 || len(p.Cluster.Notes) != 1 || !strings.Contains(notesOf(p.Cluster.Notes), kind+" b/a: "+want) {
			t.Errorf("%s: apps %v, notes %s", kind, p.Apps, notesOf(p.Cluster.Notes))
		}
	}
}

// TestAppsWaitForWhatOthersWaitFor: with wait or healthChecks, an app is ready in Flux when the apps that it
// declares or
// names are; so what depends on it depends on these. Never on itself, in a circle, or on what is suspended.
func TestAppsWaitForWhatOthersWaitFor(t *testing.T) {
	t.Parallel()
	check := func(name string) string {
		return ", healthChecks: [{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, name: " + name +
			", namespace: flux-system}]"
	}
	on := func(names string) string { return ", dependsOn: [" + names + "]" }
	for _, c := range []struct{ name, text, of, want string }{
		{"a check", app("top", on("{name: mid}")) + "---\n" + app("mid", check("low")) + "---\n" + app("low", ""), "top",
			"mid low"},
		{"checks of checks", app("top", on("{name: mid}")) + "---\n" + app("mid", check("low")) + "---\n" +
			app("low", check("deep")) + "---\n" + app("deep", ""), "top", "mid low deep"},
		{"no check", app("top", on("{name: mid}")) + "---\n" + app("mid", "") + "---\n" + app("low", ""), "top", "mid"},
		{"nothing depends", app("mid", check("low")) + "---\n" + app("low", ""), "mid", ""},
		{"a check of what is suspended", app("top", on("{name: mid}")) + "---\n" + app("mid", check("low")) + "---\n" +
			app("low", ", suspend: true"), "top", "mid"},
		{"a check of itself", app("top", on("{name: mid}")) + "---\n" + app("mid", check("mid")), "top", "mid"},
		{"a check of what waits", app("top", on("{name: mid}")) + "---\n" + app("mid", check("top")), "top", "mid"},
		{"a check of what waits, at one remove", app("top", on("{name: mid}")) + "---\n" + app("mid", check("low")) +
			"---\n" +
			app("low", on("{name: top}")), "top", "mid"},
		{"what depends already", app("top", on("{name: mid}, {name: low}")) + "---\n" + app("mid", check("low")) +
			"---\n" + app("low", ""),
			"top", "mid low"},
		{"wait counts what it declares, not what it checks", app("top", on("{name: mid}")) + "---\n" +
			app("mid", ", wait: true"+check("low")) + "---\n" + app("low", ""), "top", "mid"},
	} {
		p := planOf(t, model.Declarations{}, c.text)
		if got := strings.Join(p.Apps[c.of].DependsOn, " "); got != c.want || len(p.Cluster.Problems) > 0 {
			t.Errorf("%s: %q depends on %q, want %q; problems %q", c.name, c.of, got, c.want, p.Cluster.Problems)
		}
	}
}

// TestWaitingForAppsThatAnAppDeclares: what stands in the folder of a Kustomization with wait is part of its readiness.
func TestWaitingForAppsThatAnAppDeclares(t *testing.T) {
	t.Parallel()
	for declared, want := range map[string]string{"mid": "mid low", model.RootApp: "mid"} {
		p := planning.NewPlan(fstest.MapFS{}, "clusters/eu", model.Declarations{}, nil)
		for name, spec := range map[string]string{"top": "{}", "mid": `{"wait":true}`, "low": "{}"} {
			o := &planning.Object{Kind: kindKustomization, Group: kustomizeGroup, Namespace: home, Name: name, AppName: name,
				IsApp: true, Fields: judged, Declaration: model.Declaration{App: model.RootApp,
					Rendered: model.Rendered{JSON: []byte(`{"spec":` + spec + `}`)}}}
			if name == "low" {
				o.App = declared
			}
			p.Add(o)
			p.Apps[name] = model.App{Name: name}
		}
		p.Apps["top"] = model.App{Name: "top", DependsOn: []string{"mid"}}
		p.Sort()
		Dialect{}.Open(p).Conclude()
		if got := strings.Join(p.Apps["top"].DependsOn, " "); got != want {
			t.Errorf("low is declared by %s: top depends on %q, want %q", declared, got, want)
		}
	}
}
