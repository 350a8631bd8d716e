package rancher

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// templates executes the only template of these tests as Go's templates would.
type templates struct{}

func (templates) Execute(_ context.Context, _ string, options []string, groups []model.Templated) ([][]string,
	error) {
	var params struct{ ClusterLabels map[string]string }
	if err := json.Unmarshal(groups[0].Params, &params); err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(groups[0].Texts[0], "{{ .ClusterLabels.env }}", params.ClusterLabels["env"])
	return [][]string{{text + "# " + strings.Join(options, ",") + "\n"}}, nil
}

const web = `
-- apps/web/deploy.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
`

// gitRepo is a GitRepo of this repository, in the folder of the cluster.
func gitRepo(more string) string {
	return "-- clusters/eu/repo.yaml --\napiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\n" +
		"metadata: {name: shop, namespace: fleet-default}\nspec:\n  repo: https://github.com/org/fleet\n" +
		"  targets: [{clusterSelector: {matchLabels: {env: prod}}}]\n" + more
}

const webPath = "  paths: [apps/web]\n"

// planned is what a plan comes to: apps as JSON by name, notes and problems, one a line, and errors.
type planned struct {
	plan   *planning.Plan
	apps   map[string]string
	errors string
	notes  string
}

// plan plans the cluster eu in a tree: objects of the API group that stand in its folder, or below fleet/.
func plan(t *testing.T, text string) planned {
	t.Helper()
	tree := fstest.MapFS{}
	for part := range strings.SplitSeq("\n"+text, "\n-- ") {
		if name, content, ok := strings.Cut(part, " --\n"); ok {
			tree[name] = &fstest.MapFile{Data: []byte(content + "\n")}
		}
	}
	cluster := model.Cluster{Name: "eu", Labels: map[string]string{"env": "prod", "region": "eu-1"}}
	p := planning.NewPlan(tree, "clusters/eu", model.Declarations{Cluster: cluster, Branch: "main",
		Repository: []string{"https://github.com/org/fleet.git"}}, nil)
	for name, file := range tree {
		if strings.HasPrefix(name, "clusters/eu/") || strings.HasPrefix(name, "fleet/") {
			for _, o := range objects(t, name, file.Data) {
				p.Add(o)
			}
		}
	}
	p.Sort()
	out := planned{plan: p, apps: map[string]string{}}
	r := Dialect{Templates: templates{}}.Open(p)
	more, err := r.Expand(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range more {
		p.Add(object(t, d.Rendered, d.App))
	}
	p.Sort()
	for _, o := range p.Objects() {
		if o.Kind == kindBundle {
			o.AppName = o.Name
		}
	}
	var notes []fleet.Note
	for _, o := range p.Objects() {
		var app model.App
		is, err := r.Read(o, &app)
		if !is {
			continue
		}
		data, wrong := json.Marshal(app)
		if wrong != nil {
			t.Fatal(wrong)
		}
		out.apps[o.AppName] = string(data)
		if err != nil {
			out.errors += err.Error() + "\n"
		}
		notes = append(notes, app.Notes...)
	}
	r.Conclude()
	for _, n := range append(notes, p.Cluster.Notes...) {
		out.notes += n.String() + "\n"
	}
	out.errors += strings.Join(p.Cluster.Problems, "\n")
	return out
}

func objects(t *testing.T, name string, data []byte) (out []*planning.Object) {
	t.Helper()
	docs, err := document.Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		if strings.HasPrefix(document.Scalar(document.Field(d.Node, "apiVersion")), apiGroup) {
			rendering, err := d.Rendering()
			if err != nil {
				t.Fatal(err)
			}
			app := model.RootApp
			if strings.HasPrefix(name, "fleet/") {
				app = ""
			}
			out = append(out, object(t, rendering, app))
		}
	}
	return out
}

func object(t *testing.T, rendered model.Rendered, app string) *planning.Object {
	t.Helper()
	var body struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
		Spec     map[string]any
	}
	if err := json.Unmarshal(rendered.JSON, &body); err != nil {
		t.Fatal(err)
	}
	namespace := body.Metadata.Namespace
	if namespace == "" {
		namespace = home
	}
	return &planning.Object{Declaration: model.Declaration{Rendered: rendered, App: app}, Group: apiGroup,
		Kind:      body.Kind,
		Namespace: namespace, Name: body.Metadata.Name, Spec: body.Spec, IsApp: body.Kind == kindBundle, Home: home}
}

// fleetYAML is a fleet.yaml beside the manifests of web.
func fleetYAML(text string) string { return web + "-- apps/web/fleet.yaml --\n" + text }

// TestABundleIsReadFieldByField: values, defaults, notes and errors with file, line and the remedy.
func TestABundleIsReadFieldByField(t *testing.T) {
	t.Parallel()
	const chart = "-- charts/web/Chart.yaml --\nname: web\n-- charts/web/prod.yaml --\nsize: 3\n" +
		"-- charts/web/fleet.yaml --\n"
	const charts = "  paths: [charts/web]\n"
	for _, c := range []struct {
		name, tree  string
		app         string
		want        []string
		note, wrong string
	}{
		{name: "manifests", tree: gitRepo(webPath) + web, app: "shop-apps-web",
			want: []string{`"Path":"apps/web"`, `"Directory":{"recurse":true`, `"Namespace":"default"`,
				`"Prune":true`,
				`"keepDrift":true`}},
		{name: "a namespace for all", tree: gitRepo(webPath) +
			fleetYAML("namespace: web\nnamespaceLabels: {pod-security.kubernetes.io/enforce: baseline}\n"),
			app: "shop-apps-web", want: []string{`"Metadata":{"namespace":"web"}`, `"Namespace":"web"`,
				`"createNamespace":{"labels":{"pod-security.kubernetes.io/enforce":"baseline"}}`}},
		{name: "a namespace for those without", tree: gitRepo(webPath) + fleetYAML("defaultNamespace: web\n"),
			app: "shop-apps-web", want: []string{`"Metadata":{}`, `"Namespace":"web"`, `"createNamespace":{}`}},
		{name: "the namespace of the GitRepo", tree: gitRepo(webPath+"  targetNamespace: all\n") +
			fleetYAML("namespace: web\n"),
			app: "shop-apps-web", want: []string{`"Metadata":{"namespace":"all"}`}},
		{name: "a name", tree: gitRepo(webPath) + fleetYAML("name: frontend\n"), app: "frontend",
			want: []string{`"Path":"apps/web"`}},
		{name: "paused", tree: gitRepo(webPath+"  paused: true\n") + web, app: "shop-apps-web",
			want: []string{`"Suspend":true`}},
		{name: "paused by its file", tree: gitRepo(webPath) + fleetYAML("paused: true\n"), app: "shop-apps-web",
			want: []string{`"Suspend":true`}},
		{name: "objects that stay", tree: gitRepo(webPath+"  keepResources: true\n") + web, app: "shop-apps-web",
			want: []string{`"orphan":true`}},
		{name: "drift is corrected", tree: gitRepo(webPath+"  correctDrift: {enabled: true, force: true}\n") + web,
			app: "shop-apps-web", want: []string{`"Handling":{}`},
			note: "clusters/eu/repo.yaml:8: GitRepo fleet-default/shop: spec.correctDrift.force: not done"},
		{name: "a service account", tree: gitRepo(webPath) + fleetYAML("serviceAccount: deployer\n"),
			app:  "shop-apps-web",
			want: []string{`"serviceAccount":"cattle-fleet-system/deployer"`}},
		{name: "fields that are not compared", tree: gitRepo(webPath) +
			fleetYAML("diff:\n  comparePatches:\n"+
				"  - {apiVersion: apps/v1, kind: Deployment, name: web, operations: [{op: remove, path: "+
				"/spec/replicas}]}\n"),
			app:  "shop-apps-web",
			want: []string{`"Ignore":[{"Target":{"group":"apps","kind":"Deployment","name":"web"},"Paths":["/spec/replicas"]`}},
		{name: "an operation that is not done", tree: gitRepo(webPath) +
			fleetYAML("diff: {comparePatches: [{apiVersion: v1, kind: Pod, operations: [{op: ignore}]}]}\n"),
			app: "shop-apps-web", note: `diff.comparePatches: the operation "ignore" is not done`},
		{name: "a chart in the folder", tree: gitRepo(charts) + chart +
			"helm: {releaseName: w, valuesFiles: [prod.yaml], values: {a: 1}, force: true, takeOwnership: " +
			"true, timeoutSeconds: 60}\n",
			app: "shop-charts-web",
			want: []string{`"Chart":{"release":"w","values":[{"text":"a: 1\n"},{"path":"charts/web/prod.yaml"}]}`,
				`"recreate":true`, `"Timeout":60000000000`}},
		{name: "a published chart", tree: gitRepo(webPath) +
			fleetYAML("helm: {repo: https://charts.jetstack.io, chart: cert-manager, version: v1.15.0}\n"),
			app: "shop-apps-web",
			want: []string{`"Source":{"kind":"helm","url":"https://charts.jetstack.io",` +
				`"semver":"v1.15.0","chart":"cert-manager"}`,
				`"release":"shop-apps-web"`}},
		{name: "a chart in a registry", tree: gitRepo(webPath) +
			fleetYAML("helm: {chart: oci://ghcr.io/org/charts/web, version: 1.x}\n"),
			app: "shop-apps-web", want: []string{`"url":"oci://ghcr.io/org/charts"`, `"chart":"web"`,
				`"semver":"1.x"`}},
		{name: "a chart beside it", tree: gitRepo(webPath) + fleetYAML("helm: {chart: ../../charts/web}\n") +
			"-- charts/web/Chart.yaml --\nname: web\n",
			app: "shop-apps-web", want: []string{`"Path":"charts/web"`}},
		{name: "a chart by an address", tree: gitRepo(webPath) +
			fleetYAML("helm: {chart: 'https://example.com/web-1.tgz'}\n"),
			app:   "shop-apps-web",
			wrong: `apps/web/fleet.yaml:1: fleet.yaml: helm.chart: "https://example.com/web-1.tgz" is no folder`},
		{name: "values files that do not exist", tree: gitRepo(charts) + chart +
			"helm:\n  valuesFiles: [none.yaml]\n",
			app:   "shop-charts-web",
			wrong: `charts/web/fleet.yaml:2: fleet.yaml: helm.valuesFiles[0]: "none.yaml" cannot be read`},
		{name: "values of a Secret", tree: gitRepo(charts) + chart +
			"defaultNamespace: web\nhelm: {valuesFrom: [{secretKeyRef: {name: s}}], values: {a: 1}}\n",
			app: "shop-charts-web",
			want: []string{`"values":[{"from":{"kind":"Secret","namespace":"web","name":"s"},` +
				`"key":"values.yaml"},{"text":"a: 1\n"}]`}},
		{name: "templates", tree: gitRepo(charts) + chart +
			"helm: {values: {region: '${ .ClusterLabels.env }', zone: global.fleet.clusterLabels.region}}\n",
			app: "shop-charts-web", want: []string{`"text":"region: prod\nzone: eu-1\n# missingkey=error\n"`}},
		{name: "no templates", tree: gitRepo(charts) + chart +
			"helm: {disablePreProcess: true, values: {region: '${ .ClusterLabels.env }'}}\n",
			app: "shop-charts-web", want: []string{`"text":"region: ${ .ClusterLabels.env }\n"`}},
		{name: "values that are not supported", tree: gitRepo(charts) + chart +
			"helm: {templateValues: {a: '${ .x }'}}\n",
			app: "shop-charts-web",
			wrong: "charts/web/fleet.yaml:1: fleet.yaml: helm.templateValues: not supported: write them into " +
				"helm.values"},
		{name: "a kustomization", tree: gitRepo(webPath) + fleetYAML("kustomize: {dir: overlays/prod}\n") +
			"-- apps/web/overlays/prod/kustomization.yaml --\nresources: []\n",
			app: "shop-apps-web", want: []string{`"Path":"apps/web/overlays/prod"`, `"needsKustomization":true`}},
		{name: "a kustomization in the folder", tree: gitRepo(webPath) + web +
			"-- apps/web/kustomization.yaml --\nresources: [deploy.yaml]\n",
			app: "shop-apps-web", want: []string{`"Path":"apps/web"`, `"needsKustomization":true`}},
		{name: "a kustomization over a chart", tree: gitRepo(charts) + chart +
			"{}\n-- charts/web/kustomization.yaml --\nresources: []\n",
			app:   "shop-charts-web",
			wrong: "charts/web/fleet.yaml:1: fleet.yaml: kustomize: a kustomization over a chart is not supported"},
		{name: "templates without a chart", tree: gitRepo(webPath) + web +
			"-- apps/web/templates/x.yaml --\na: {{ .Values.x }}\n",
			app: "shop-apps-web", wrong: "apps/web/templates is a folder of templates without a chart"},
		{name: "the first customization counts", tree: gitRepo(charts) + chart +
			"helm: {values: {a: 1}}\ntargetCustomizations:\n" +
			"- {name: none, clusterName: us, helm: {values: {a: 9}}}\n" +
			"- {name: prod, clusterSelector: {matchLabels: {env: prod}}, namespace: p, helm: {version: 2.0.0, " +
			"values: {a: 2}}}\n- {name: eu, clusterName: eu, helm: {values: {a: 3}}}\n",
			app: "shop-charts-web", want: []string{`"values":[{"text":"a: 1\n"},{"text":"a: 2\n"}]`,
				`"Namespace":"p"`}},
		{name: "what a customization asks for", tree: gitRepo(webPath) +
			fleetYAML("targetCustomizations:\n- clusterName: us\n  helm: {atomic: true}\n- clusterName: eu\n"+
				"  helm:\n    atomic: true\n"),
			app:  "shop-apps-web",
			note: "apps/web/fleet.yaml:6: fleet.yaml: targetCustomizations[1].helm.atomic: not done"},
		{name: "not to be deployed", tree: gitRepo(webPath) +
			fleetYAML("targetCustomizations: [{clusterName: eu, doNotDeploy: true}]\n")},
		{name: "other targets", tree: gitRepo(webPath) + fleetYAML("overrideTargets: [{clusterName: us}]\n")},
		{name: "a selector that is none", tree: gitRepo(webPath) +
			fleetYAML("targetCustomizations: [{clusterSelector: {matchExpressions: [{key: a, operator: Like}]}}]\n"),
			app:   "shop-apps-web",
			wrong: `apps/web/fleet.yaml:1: fleet.yaml: targetCustomizations[0]: the operator "Like" is not known`},
		{name: "a field that is not done", tree: gitRepo(webPath) +
			fleetYAML("rolloutStrategy: {maxUnavailable: 1}\nimageScans: [{image: x}]\n"),
			app: "shop-apps-web", note: "apps/web/fleet.yaml:1: fleet.yaml: rolloutStrategy: not done: all clusters"},
		{name: "partitions", tree: gitRepo(webPath) +
			fleetYAML("rolloutStrategy: {maxUnavailable: 10%, partitions: [{name: canary, maxUnavailable: 1, "+
				"clusterSelector: {matchLabels: {ring: \"0\"}}}, {clusterGroup: rest}]}\n"),
			app: "shop-apps-web", note: "fleet.yaml: rolloutStrategy.partitions: as spec.waves in a RolloutPolicy: " +
				`[{name: canary, clusterSelector: {"matchLabels":{"ring":"0"}}, atOnce: 1}, {name: partition-2, ` +
				"atOnce: 10%}]; what is chosen by clusterName, clusterGroup"},
		{name: "partitions that are none", tree: gitRepo(webPath) + fleetYAML("rolloutStrategy: {partitions: x}\n"),
			app: "shop-apps-web", note: "apps/web/fleet.yaml:1: fleet.yaml: rolloutStrategy: not done: all clusters"},
		{name: "a field that is not known", tree: gitRepo(webPath) + fleetYAML("namespaec: x\n"),
			app:  "shop-apps-web",
			note: "apps/web/fleet.yaml:1: fleet.yaml: namespaec: no field that Drover knows of this kind"},
		{name: "a field below that is not known", tree: gitRepo(webPath) + fleetYAML("helm: {chrat: x}\n"),
			app:  "shop-apps-web",
			note: "fleet.yaml: helm.chrat: no field that Drover knows of this kind"},
		{name: "a value of another kind", tree: gitRepo(webPath) + fleetYAML("helm: {valuesFiles: x}\n"),
			app:   "shop-apps-web",
			wrong: "apps/web/fleet.yaml:1: "},
		{name: "a path that does not exist", tree: gitRepo("  paths: [apps/wbe]\n") + web, app: "shop-apps-wbe",
			wrong: `clusters/eu/repo.yaml:7: GitRepo fleet-default/shop: spec.paths: "apps/wbe" does not ` +
				`exist at this revision`},
		{name: "a pattern without a match", tree: gitRepo("  paths: [none/*]\n") + web,
			note: `clusters/eu/repo.yaml:7: GitRepo fleet-default/shop: spec.paths[0]: "none/*" has nothing ` +
				`to deliver`},
		{name: "another repository", tree: strings.Replace(gitRepo("  paths: [web]\n  targetNamespace: shop\n"),
			"org/fleet", "org/web", 1),
			app: "shop-web", want: []string{`"Source":{"kind":"git","url":"https://github.com/org/web","branch":"master"}`,
				`"detect":true`, `"refuse":"`, `"Namespace":"shop"`}},
		{name: "another branch", tree: gitRepo("  paths: [web]\n  branch: next\n"), app: "shop-web",
			want: []string{`"branch":"next"`}},
		{name: "a commit", tree: gitRepo("  paths: [web]\n  revision: 0123456789abcdef\n"), app: "shop-web",
			want: []string{`"revision":"0123456789abcdef"`}},
		{name: "a tag", tree: gitRepo("  paths: [web]\n  revision: v1\n"), app: "shop-web",
			want: []string{`"ref":"v1"`}},
		{name: "patterns over another repository", tree: gitRepo("  paths: ['web/*']\n  revision: v1\n"),
			app:   bundleName("shop", "web/*"),
			wrong: "spec.paths[0]: patterns over another repository are not supported: name its folders"},
		{name: "an overlay that does not exist", tree: gitRepo(webPath) + fleetYAML("yaml: {overlays: [none]}\n"),
			app: "shop-apps-web",
			wrong: "apps/web/fleet.yaml:1: fleet.yaml: yaml.overlays: the overlay apps/web/overlays/none does " +
				"not exist"},
		{name: "a patch without its file", tree: gitRepo(webPath) + fleetYAML("yaml: {overlays: [big]}\n") +
			"-- apps/web/overlays/big/x_patch.yaml --\nkind: X\n",
			app:   "shop-apps-web",
			wrong: "apps/web/overlays/big/x_patch.yaml patches apps/web/x.yaml, which does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := plan(t, c.tree)
			app, ok := got.apps[c.app]
			if c.app == "" && len(got.apps) > 0 || c.app != "" && !ok {
				t.Fatalf("apps %v, want %q; notes %s, errors %s", got.apps, c.app, got.notes, got.errors)
			}
			for _, want := range c.want {
				if !strings.Contains(app, want) {
					t.Errorf("got  %s\nwant %s", app, want)
				}
			}
			if c.note == "" && got.notes != "" || !strings.Contains(got.notes, c.note) {
				t.Errorf("notes %s\nwant  %s", got.notes, c.note)
			}
			if c.wrong == "" && got.errors != "" || !strings.Contains(got.errors, c.wrong) {
				t.Errorf("errors %s\nwant   %s", got.errors, c.wrong)
			}
		})
	}
}

// TestPathsBecomeBundles: patterns, folders with a fleet.yaml at any depth, and folders with manifests that none is
// for.
func TestPathsBecomeBundles(t *testing.T) {
	t.Parallel()
	const tree = "-- a/one/cm.yaml --\nkind: X\n-- a/two/fleet.yaml --\nlabels: {x: y}\n" +
		"-- a/two/sub/fleet.yml --\n{}\n" +
		"-- a/two/deep/er/cm.yaml --\nkind: X\n-- a/none/README.md --\nx\n-- clusters/us/cm.yaml --\nkind: X\n"
	for _, c := range []struct{ paths, want string }{
		{"[a/one]", "shop-a-one"},
		{"['a/*']", "shop-a-one shop-a-two shop-a-two-sub"},
		{"[/a/two/]", "shop-a-two shop-a-two-sub"},
		{"[a]", "shop-a shop-a-two shop-a-two-sub"}, // a/one has no fleet.yaml: it is in the bundle of a
		{"[a/none]", ""},
		{"[a/one, a/one, 'a/o*']", "shop-a-one"},
		{"[]", "shop shop-a-two shop-a-two-sub"},
		{"['[']", ""},
	} {
		got := plan(t, gitRepo("  paths: "+c.paths+"\n")+tree)
		var names []string
		for _, o := range got.plan.Objects() {
			if o.Kind == kindBundle {
				names = append(names, o.Name)
			}
		}
		if strings.Join(names, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.paths, names, c.want)
		}
		if c.want == "" && got.notes+got.errors == "" {
			t.Errorf("%s: nothing says so", c.paths)
		}
	}
	if got := plan(t, gitRepo("")+tree).apps["shop"]; !strings.Contains(got,
		"clusters/") || !strings.Contains(got, "a/two/") {
		t.Errorf("what is Drover's, or another bundle, is not left out: %s", got)
	}
}

// TestTargetsChooseClusters: by name, labels and group, all of which must hold.
func TestTargetsChooseClusters(t *testing.T) {
	t.Parallel()
	groups := []group{{"europe", map[string]string{"tier": "1"}}, {name: "default"}}
	cluster := model.Cluster{Name: "eu", Labels: map[string]string{"env": "prod"}}
	for text, want := range map[string]bool{
		"{}":                    false, // as in Fleet
		"{clusterName: eu}":     true,
		"{clusterName: us}":     false,
		"{clusterSelector: {}}": true,
		"{clusterSelector: {matchLabels: {env: prod}}}":                                          true,
		"{clusterSelector: {matchLabels: {env: dev}}}":                                           false,
		"{clusterSelector: {matchExpressions: [{key: env, operator: In, values: [dev, prod]}]}}": true,
		"{clusterSelector: {matchExpressions: [{key: env, operator: DoesNotExist}]}}":            false,
		"{clusterGroup: europe}": true,
		"{clusterGroup: asia}":   false,
		"{clusterGroup: europe, clusterSelector: {matchLabels: {env: dev}}}":                                 false,
		"{clusterGroupSelector: {matchLabels: {tier: '1'}}}":                                                 true,
		"{clusterGroup: default, clusterGroupSelector: {matchLabels: {tier: '1'}}}":                          false,
		"{clusterName: eu, clusterGroup: europe, clusterSelector: {matchLabels: {env: prod}}, name: for-me}": true,
	} {
		var target target
		if err := yaml.Unmarshal([]byte(text), &target); err != nil {
			t.Fatal(err)
		}
		if got, err := target.matches(cluster, groups); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

// TestGroupsAreDeclared: a target that names a group means the clusters that its ClusterGroup selects.
func TestGroupsAreDeclared(t *testing.T) {
	t.Parallel()
	group := func(name, selector string) string {
		return "-- fleet/" + name + ".yaml --\napiVersion: fleet.cattle.io/v1alpha1\nkind: ClusterGroup\n" +
			"metadata: {name: " + name +
			", namespace: fleet-default}\nspec: {selector: " + selector + "}\n"
	}
	to := func(targets string) string {
		return web + strings.Replace(gitRepo(webPath), "targets: [{clusterSelector: {matchLabels: {env: prod}}}]",
			targets, 1)
	}
	for _, c := range []struct {
		name, tree string
		want       bool
		note       string
	}{
		{"a group", to("targets: [{clusterGroup: prod}]") + group("prod", "{matchLabels: {env: prod}}"), true, ""},
		{"a group of others", to("targets: [{clusterGroup: dev}]") + group("dev", "{matchLabels: {env: dev}}"), false,
			"spec.targets: left out: no target is the cluster eu, in whose folder it stands. Move it below fleet/"},
		{"a group that is not declared", to("targets: [{clusterGroup: prod}]"), false,
			"spec.targets[0].clusterGroup: the ClusterGroup fleet-default/prod is not declared"},
		{"no targets", to("pollingInterval: 15s"), true,
			"it names no targets, which is the group default: every cluster"},
		{"the group default, declared", to("pollingInterval: 15s") + group("default",
			"{matchLabels: {env: dev}}"), false, ""},
		{"a target that names nothing", to("targets: [{name: x}]"), false, "spec.targets[0]: it names no clusters"},
		{"for other clusters, where those for many stand", strings.Replace(to("targets: [{clusterName: us}]"),
			"clusters/eu/",
			"fleet/", 1), false, ""},
		{"for this cluster, where those for many stand", strings.Replace(to("targets: [{clusterName: eu}]"),
			"clusters/eu/",
			"fleet/", 1), true, ""},
	} {
		got := plan(t, c.tree)
		if is := len(got.apps) > 0; is != c.want || !strings.Contains(got.notes, c.note) {
			t.Errorf("%s: apps %v, notes %s errors %s", c.name, got.apps, got.notes, got.errors)
		}
		if c.note == "" && c.name != "the group default, declared" && got.notes != "" {
			t.Errorf("%s: notes %s", c.name, got.notes)
		}
	}
}

// TestBundlesWaitForOthers: by name and by labels; one that is not in the cluster is an error.
func TestBundlesWaitForOthers(t *testing.T) {
	t.Parallel()
	tree := func(on string) string {
		return gitRepo("  paths: [apps/*]\n") + fleetYAML("dependsOn:\n- "+on+"\n") +
			"-- apps/db/fleet.yaml --\nlabels: {tier: data}\n" +
			"-- apps/crd/fleet.yaml --\nname: crds\nlabels: {tier: data}\n"
	}
	for _, c := range []struct{ on, want, wrong string }{
		{"name: shop-apps-db", `"DependsOn":["shop-apps-db"],"DependsAt":"apps/web/fleet.yaml:1"`, ""},
		{"name: crds", `"DependsOn":["crds"]`, ""},
		{"selector: {matchLabels: {tier: data}}", `"DependsOn":["crds","shop-apps-db"]`, ""},
		{"selector: {matchLabels: {fleet.cattle.io/repo-name: shop}}", `"DependsOn":["crds","shop-apps-db"]`, ""},
		{"name: shop-db", "",
			"apps/web/fleet.yaml:2: fleet.yaml: dependsOn[0]: the bundle shop-db is not among those of this cluster"},
		{"selector: {matchLabels: {a: b}}", "", "dependsOn[0]: no bundle of this cluster has these labels"},
		{"selector: {matchExpressions: [{key: a, operator: Is}]}", "",
			`dependsOn[0].selector: the operator "Is" is not known`},
	} {
		got := plan(t, tree(c.on))
		if app := got.apps["shop-apps-web"]; !strings.Contains(app, c.want) || !strings.Contains(got.errors,
			c.wrong) ||
			c.wrong == "" && got.errors != "" {
			t.Errorf("%s: %s, errors %s", c.on, app, got.errors)
		}
	}
}

// TestManifestsOfABundle: what of a folder is read, and what overlays do to it.
func TestManifestsOfABundle(t *testing.T) {
	t.Parallel()
	got := plan(t, gitRepo(webPath)+fleetYAML("helm: {valuesFiles: [v.yaml]}\nyaml: {overlays: [big, lb]}\n")+
		"-- apps/web/v.yaml --\na: 1\n-- apps/web/data.json --\n{\"a\": 1}\n-- apps/web/.fleetignore --\n# no\n"+
		"skipped*\ngone/*\n"+
		"-- apps/web/skipped-1.yaml --\nkind: X\n-- apps/web/gone/x.yaml --\nkind: X\n"+
		"-- apps/web/.hidden/x.yaml --\nkind: X\n"+
		"-- apps/web/sub/fleet.yaml --\n{}\n-- apps/web/chart/Chart.yaml --\nname: x\n-- apps/web/svc.yaml --\n"+
		"kind: Service\n"+
		"-- apps/web/overlays/big/deploy_patch.yaml --\nspec: {replicas: 6}\n-- apps/web/overlays/lb/svc.yaml --\n"+
		"kind: Service\n"+
		"-- apps/web/overlays/lb/more/new.yaml --\nkind: New\n")
	app := got.apps["shop-apps-web"]
	for _, want := range []string{
		`|^(chart/|data\\.json$|gone/|more/new\\.yaml$|overlays/|skipped-1\\.yaml$|sub/|svc\\.yaml$|v\\.yaml$)`,
		`"patches":[{"patch":"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{` +
			`\"name\":\"web\"},\"spec\":{\"replicas\":6}}"`,
		`"target":{"group":"apps","kind":"Deployment","name":"web"}`,
		`"Path":"apps/web/overlays/lb"`, `"include":"^(more/new\\.yaml|svc\\.yaml)$"`,
	} {
		if !strings.Contains(app, want) {
			t.Errorf("got  %s\nwant %s", app, want)
		}
	}
	if strings.Contains(app, "overlays/big\"") || got.errors != "" {
		t.Errorf("got %s, errors %s", app, got.errors)
	}
}

// TestBundlesHaveTheNamesThatFleetGives (names of its internal/names/name_test.go).
func TestBundlesHaveTheNamesThatFleetGives(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"test", ".", "test"},
		{"shop", "apps/web", "shop-apps-web"},
		{"shop", "bundles/Web", "shop-bundles-web-" + digest("shop-bundles-Web", 8)},
		{"shop", "a_b", "shop-a-b-" + digest("shop-a_b", 8)},
		{"shop", "a--b", "shop-a-b"},
		{"long-name-shortened-to-53-characters", "a/folder/that/is/deep/down",
			"long-name-shortened-to-53-characters-a-folder-t-" +
				digest("long-name-shortened-to-53-characters-a-folder-that-is-deep-down", 5)},
	} {
		if got := bundleName(c[0], c[1]); got != c[2] {
			t.Errorf("%s in %s: %s, want %s", c[1], c[0], got, c[2])
		}
	}
}

// TestTemplatesAreThoseOfGo: actions in ${ } are written in {{ }}, and what looked like one of Go's is a text.
func TestTemplatesAreThoseOfGo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: b\n":                    "a: b\n",
		"a: ${ .ClusterName }-x":    "a: {{ .ClusterName }}-x",
		`a: ${ default "}" .b }`:    `a: {{ default "}" .b }}`,
		`a: ${ default "\"}" .b }c`: `a: {{ default "\"}" .b }}c`,
		"a: '{{ x }}' ${ .y }":      `a: '{{"{{"}} x }}' {{ .y }}`,
		"a: ${ .y":                  "a: {{ .y",
		"$x {y} ${.z}${.w}":         "$x {y} {{.z}}{{.w}}",
	} {
		if got := goTemplate(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestWhatIsForFleetItselfIsNamed: no object of its API group reaches a cluster, and none is dropped without a word.
func TestWhatIsForFleetItselfIsNamed(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]planning.Use{
		"GitRepo": planning.Declares, "ClusterGroup": planning.Declares, "Bundle": planning.LeftOut,
		"Cluster":            planning.LeftOut,
		"GitRepoRestriction": planning.LeftOut, "BundleNamespaceMapping": planning.LeftOut,
		"SomethingNew": planning.LeftOut,
	} {
		h := document.Head{APIVersion: apiGroup + "/v1alpha1", Kind: document.Text(kind)}
		if got := (Dialect{}).Sort("", h); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
		if h.APIVersion = "example.com/v1"; (Dialect{}).Sort("", h) != planning.NotMine {
			t.Errorf("%s of another group is taken", kind)
		}
	}
	got := plan(t, "-- fleet/cluster.yaml --\napiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\n"+
		"metadata: {name: c, namespace: fleet-default}\n")
	if !strings.Contains(got.notes,
		"fleet/cluster.yaml:1: Cluster fleet-default/c: left out: a Cluster is for the controllers of Rancher Fleet") {
		t.Errorf("notes %s", got.notes)
	}
	claimed, err := Dialect{}.Declares("clusters/eu/web/fleet.yaml", nil)
	if err != nil || len(claimed) != 1 || !(Dialect{}).Claims("a/fleet.yml") || (Dialect{}).Claims("a/my-fleet.yaml") ||
		!(Dialect{}).ClaimsFolder([]string{"x", "fleet.yaml"}) || (Dialect{}).ClaimsFolder([]string{"x"}) {
		t.Errorf("%s, %v", claimed, err)
	}
}
